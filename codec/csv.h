// Rows of CSV (RFC 4180): cells in quotes may hold commas, line breaks and doubled quotes; lines end with CR LF or LF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace {

class CsvReader {
 public:
  // `text` must live as long as the reader. A byte order mark at its front is passed over.
  explicit CsvReader(std::string_view text);

  // The cells of the next row that is not empty; false at the end.
  // Error::invalid_input, its field "line N", where a quote is not closed or text stands beside one: what follows cannot be told apart.
  Result<bool> next(std::vector<std::string>& cells);
  // The line at which that row began, from 1.
  size_t line() const { return row_line_; }

 private:
  Result<> cell(std::string& out);
  Result<> quoted(std::string& out);
  bool at_line_end() const { return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n"); }
  void end_line();

  std::string_view text_;
  size_t at_ = 0, line_ = 1, row_line_ = 0;
};

// The cells of a row that is one line; none where it is empty or cannot be read.
void split_csv_line(std::string_view line, std::vector<std::string>& cells);

// Appends a cell, in quotes where it needs them.
void append_csv_cell(std::string_view text, std::string& out);

}  // namespace headrace
