// A CSV file as rows of a shape.
#include "routes/predictions/row_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codec/json.h"

namespace headrace {
namespace {

constexpr size_t quartiles_of_at_least = 4;  // fewer numbers have no middle half

Problem bad_file(std::string why) { return Problem(Error::invalid_input, "file", std::move(why)); }

// By linear interpolation between the two nearest (Hyndman and Fan, 1996, definition 7).
double quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Outside the inner fences of Tukey, Exploratory Data Analysis, 1977.
int64_t outliers_in(std::vector<double> numbers) {
  if (numbers.size() < quartiles_of_at_least) return 0;
  std::ranges::sort(numbers);
  const double first = quantile(numbers, 0.25), third = quantile(numbers, 0.75), reach = 1.5 * (third - first);
  return std::ranges::count_if(numbers, [&](double number) { return number < first - reach || number > third + reach; });
}

const void* value_of(const FieldInfo& field, const void* input) {
  const void* member = field.member_of(input);
  return field.type->optional ? field.type->get(member) : member;
}

}  // namespace

Result<> RowFile::begin() {
  Result<bool> found = reader_.next(cells_);
  if (!found.ok()) return bad_file(found.problem().text());
  if (!*found) return bad_file("is empty");
  width_ = cells_.size();
  for (auto& field : shape_) {
    const auto count = std::ranges::count(cells_, field.name);
    if (count > 1) return bad_file(fmt::format("has the column {} more than once", field.name));
    if (count == 0 && field.required()) return bad_file(fmt::format("lacks the column {}", field.name));
    if (count == 1)
      columns_.push_back({static_cast<size_t>(std::ranges::find(cells_, field.name) - cells_.begin()), &field});
  }
  return Done{};
}

Result<> RowFile::take(Column& column, std::string_view cell, void* input, uint64_t& seen) {
  ++cells_seen_;
  if (cell.empty()) {
    ++missing_;
    return Done{};
  }
  seen |= uint64_t{1} << (column.field - shape_.begin());
  Result<> read = read_parameter(cell, *column.field, input);
  if (!read.ok()) {
    ++invalid_;
  } else if (column.field->type->kind == TypeKind::number) {
    column.numbers.push_back(*static_cast<const double*>(value_of(*column.field, input)));
  }
  return read;
}

Result<bool> RowFile::next(void* input, Result<>& verdict) {
  Result<bool> found = reader_.next(cells_);
  if (!found.ok()) return bad_file(found.problem().text());
  if (!*found) return false;
  verdict = Done{};
  uint64_t seen = 0;
  for (Column& column : columns_) {
    std::string_view cell = column.at < cells_.size() ? std::string_view(cells_[column.at]) : std::string_view();
    Result<> taken = take(column, cell, input, seen);
    if (verdict.ok() && !taken.ok()) verdict = taken;
  }
  if (verdict.ok()) verdict = check_required(shape_, seen);
  if (cells_.size() > width_)
    verdict = Problem(Error::invalid_input, "row", fmt::format("has {} cells where the header has {}", cells_.size(), width_));
  return true;
}

DataQuality RowFile::quality() const {
  DataQuality out{.missing_values = missing_, .invalid_formats = invalid_};
  for (const Column& column : columns_) out.outliers += outliers_in(column.numbers);
  const int64_t flawed = missing_ + invalid_ + out.outliers;
  if (cells_seen_ > 0)
    out.quality_score = std::round(1e4 * static_cast<double>(cells_seen_ - flawed) / static_cast<double>(cells_seen_)) / 100;
  return out;
}

}  // namespace headrace
