// SampleColumns: what a row of a training set holds beside its label, read from the rows that serve.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/events/event_fold.h"
#include "src/predictions/model_columns.h"

namespace headrace {

enum class SampleFormat : uint8_t { csv, ndjson };

class SampleColumns {
 public:
  // The features called `names`; all of them where there are none.
  static Result<SampleColumns> features(const features::Plan& plan, EntityKind kind,
                                        const std::vector<std::string>& names);
  // The row that `model` is given.
  static Result<SampleColumns> row_of(const features::Plan& plan, EntityKind kind,
                                      std::shared_ptr<const Model> model);

  const std::vector<std::string>& names() const { return names_; }
  // Appends what was known of the entity at `moment`: in CSV ",1,,2.5", else the members of a JSON object.
  // What is not known is an empty cell, or absent.
  void append(const FeatureEngine& engine, std::string_view entity, Micros moment, const Rows& rows,
              SampleFormat format, std::string& out) const;

 private:
  explicit SampleColumns(EntityKind kind) : kind_(kind) {}
  std::vector<double> values(const FeatureVector& known) const;

  EntityKind kind_;
  std::vector<std::string> names_;
  std::vector<size_t> features_;  // by column, where there is no model
  std::shared_ptr<const Model> model_;
  std::optional<ModelColumns> model_columns_;
};

}  // namespace headrace
