// CSV from arbitrary bytes: rows written anew, with every cell in quotes, are read as the same; a line alone is the row it begins.
#include <cstdint>
#include <string>
#include <vector>

#include "codec/csv.h"
#include "src/base/check.h"

using namespace headrace;

namespace {

using Rows = std::vector<std::vector<std::string>>;

bool read_all(std::string_view text, Rows& rows) {
  CsvReader reader(text);
  size_t line = 0;
  for (std::vector<std::string> cells;;) {
    Result<bool> more = reader.next(cells);
    if (!more.ok()) return false;
    if (!*more) return true;
    CHECK(!cells.empty() && reader.line() > line);
    line = reader.line();
    rows.push_back(cells);
  }
}

std::string written(const Rows& rows) {
  std::string out;
  for (auto& row : rows) {
    for (size_t at = 0; at < row.size(); ++at) {
      out += at ? ",\"" : "\"";
      for (char c : row[at]) out += c == '"' ? "\"\"" : std::string(1, c);
      out += '"';
    }
    out += "\r\n";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Rows rows, same;
  (void)read_all(input, rows);
  CHECK(read_all(written(rows), same) && same == rows);
  std::vector<std::string> first;
  split_csv_line(input, first);
  CHECK(rows.empty() ? first.empty() : first == rows[0]);
  // Cells as we write them, one to a row with another.
  std::string again;
  for (auto& row : rows)
    for (auto& cell : row) {
      again += "x,";
      append_csv_cell(cell, again);
      again += '\n';
    }
  Rows pairs;
  CHECK(read_all(again, pairs));
  size_t at = 0;
  for (auto& row : rows)
    for (auto& cell : row) CHECK(pairs[at++] == (std::vector<std::string>{"x", cell}));
  return 0;
}
