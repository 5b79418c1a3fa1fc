// A CSV file as rows of a shape: its header names the fields, each row becomes an input, and what is wrong with a row is said of
// that row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv.h"
#include "codec/shape.h"
#include "src/base/result.h"

namespace headrace {

// Of the cells of the columns that mean something.
struct DataQuality {
  int64_t missing_values = 0, invalid_formats = 0, outliers = 0;
  double quality_score = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("missing_values", &DataQuality::missing_values, "Empty cells"),
        field("invalid_formats", &DataQuality::invalid_formats, "Cells that are not what their column asks for"),
        field("outliers", &DataQuality::outliers,
              "Numbers further outside the middle half of their column than one and a half times its width"),
        field("quality_score", &DataQuality::quality_score, "Percent of the cells that are none of these", between(0, 100))};
  }
};

class RowFile {
 public:
  // `text` must live as long as the file is read.
  RowFile(std::string_view text, const ShapeInfo& shape) : reader_(text), shape_(shape) {}

  // Reads the header. Columns that are no field of the shape mean nothing. Error::invalid_input naming `file` where a required
  // one is missing or one is there twice.
  Result<> begin();
  // Fills `input`, a new value of the shape, from the next row; false at the end. What is wrong with the row goes to `verdict`.
  // Error::invalid_input naming `file` where the file cannot be read any further.
  Result<bool> next(void* input, Result<>& verdict);
  // Of what was read so far.
  DataQuality quality() const;

 private:
  struct Column {
    size_t at;  // in a row
    const FieldInfo* field;
    std::vector<double> numbers = {};  // that it holds, for outliers
  };
  Result<> take(Column& column, std::string_view cell, void* input, uint64_t& seen);

  CsvReader reader_;
  const ShapeInfo& shape_;
  std::vector<Column> columns_;
  std::vector<std::string> cells_;
  size_t width_ = 0;
  int64_t cells_seen_ = 0, missing_ = 0, invalid_ = 0;
};

}  // namespace headrace
