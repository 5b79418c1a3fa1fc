// One pass over the text; a cell is copied once.
#include "codec/csv.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

Problem unreadable(size_t line, std::string_view why) {
  return Problem(Error::invalid_input, "line " + std::to_string(line), std::string(why));
}

}  // namespace

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
}

void CsvReader::end_line() {
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (at_ < text_.size()) ++at_;
  ++line_;
}

Result<bool> CsvReader::next(std::vector<std::string>& cells) {
  while (at_ < text_.size() && at_line_end()) end_line();
  if (at_ == text_.size()) return false;
  row_line_ = line_;
  size_t count = 0;
  for (;;) {
    if (count == cells.size()) cells.emplace_back();
    TRY_DONE(cell(cells[count++]));
    if (at_line_end()) break;
    ++at_;  // the comma
  }
  cells.resize(count);
  end_line();
  return true;
}

// Ends before a comma or the end of the line.
Result<> CsvReader::cell(std::string& out) {
  if (at_ < text_.size() && text_[at_] == '"') return quoted(out);
  size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
  if (end < text_.size() && text_[end] == '\n' && end > at_ && text_[end - 1] == '\r') --end;
  std::string_view found = text_.substr(at_, end - at_);
  if (found.find('"') != found.npos) return unreadable(row_line_, "has a quote inside a cell that does not begin with one");
  out.assign(found);
  at_ = end;
  return Done{};
}

Result<> CsvReader::quoted(std::string& out) {
  out.clear();
  for (++at_;; ++at_) {
    size_t end = text_.find('"', at_);
    if (end == text_.npos) return unreadable(row_line_, "has a quote that is not closed");
    std::string_view part = text_.substr(at_, end - at_);
    line_ += static_cast<size_t>(std::ranges::count(part, '\n'));
    out.append(part);
    at_ = end + 1;
    if (at_ == text_.size() || text_[at_] != '"') break;
    out.push_back('"');
  }
  if (at_line_end() || text_[at_] == ',') return Done{};
  return unreadable(row_line_, "has text behind a closing quote");
}

void split_csv_line(std::string_view line, std::vector<std::string>& cells) {
  Result<bool> found = CsvReader(line).next(cells);
  if (!found.ok() || !*found) cells.clear();
}

void append_csv_cell(std::string_view text, std::string& out) {
  if (text.find_first_of(",\"\r\n") == text.npos) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace headrace
