// Columns by name, cells in the shortest text that reads back as the same number.
#include "src/training/columns.h"

#include <fmt/format.h>

#include <cmath>

#include "codec/json.h"

namespace headrace {

Result<SampleColumns> SampleColumns::features(const features::Plan& plan, EntityKind kind,
                                              const std::vector<std::string>& names) {
  SampleColumns columns(kind);
  columns.names_ = names;
  if (names.empty())
    for (auto& output : plan.kind(kind).outputs) columns.names_.push_back(output.text.name);
  for (const std::string& name : columns.names_) {
    auto index = plan.index_of(kind, name);
    if (!index)
      return Problem{Error::invalid_input, "features",
                     fmt::format("\"{}\" is no feature of a {}", name, features::name_of(kind))};
    columns.features_.push_back(*index);
  }
  return columns;
}

Result<SampleColumns> SampleColumns::row_of(const features::Plan& plan, EntityKind kind,
                                            std::shared_ptr<const Model> model) {
  SampleColumns columns(kind);
  for (auto& feature : model->features()) columns.names_.push_back(feature.name);
  columns.model_columns_.emplace(plan, kind, *model);
  if (!columns.model_columns_->any())
    return Problem{Error::invalid_input, "model",
                   fmt::format("none of the columns of {} is a feature of a {}", model->name(),
                               features::name_of(kind))};
  columns.model_ = std::move(model);
  return columns;
}

std::vector<double> SampleColumns::values(const FeatureVector& known) const {
  std::vector<double> values;
  if (model_) {
    std::vector<float> row(model_columns_->size());
    model_columns_->fill(known, row);
    values.assign(row.begin(), row.end());
  } else {
    for (size_t index : features_) values.push_back(known.values()[index]);
  }
  return values;
}

void SampleColumns::append(const FeatureEngine& engine, std::string_view entity, Micros moment,
                           const Rows& rows, SampleFormat format, std::string& out) const {
  auto known = engine.read(kind_, entity, moment, rows);
  std::vector<double> cells = known ? values(*known) : std::vector<double>(names_.size(), NAN);
  bool csv = format == SampleFormat::csv, first = true;
  for (size_t i = 0; i < cells.size(); ++i) {
    bool missing = !std::isfinite(cells[i]);
    if (csv || (!missing && !first)) out += ',';
    if (missing) continue;
    if (!csv) append_json_string(names_[i], out), out += ':';
    model_ ? append_json_number(static_cast<float>(cells[i]), out) : append_json_number(cells[i], out);
    first = false;
  }
}

}  // namespace headrace
