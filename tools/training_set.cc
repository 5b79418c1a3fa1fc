// `headrace training-set`: features as they were at the moments of labels, as CSV or NDJSON.
#include "src/training/training_set.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "codec/csv.h"
#include "codec/json.h"
#include "codec/time_text.h"
#include "src/features/added.h"
#include "src/scoring/model_set.h"
#include "src/server/server.h"
#include "tools/commands.h"
#include "tools/scratch_folder.h"

namespace headrace {
namespace {

Problem bad_option(std::string field, std::string rule) {
  return {Error::invalid_input, std::move(field), std::move(rule)};
}

// A folder for the pass, gone with it.
// The file asked for gets its name when it is whole; else stdout.
class Output {
 public:
  Result<> open(const std::string& path) {
    path_ = path;
    if (!path.empty()) file_ = std::fopen(part().c_str(), "wb");
    return file_ != nullptr ? Result<>(Done{}) : Problem{Error::storage_io, path, "cannot be written"};
  }
  Result<> write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return Done{};
    return Problem{Error::storage_io, path_, "cannot be written"};
  }
  Result<> close() {
    bool good = std::fflush(file_) == 0;
    if (!path_.empty())
      good = std::fclose(file_) == 0 && good && std::rename(part().c_str(), path_.c_str()) == 0;
    return good ? Result<>(Done{}) : Problem{Error::storage_io, path_, "cannot be written"};
  }

 private:
  std::string part() const { return path_ + ".part"; }
  std::string path_;
  std::FILE* file_ = stdout;
};

// Labels as they are given: a header with "entity" and "time", whatever else stands beside them is kept.
class LabelFile {
 public:
  explicit LabelFile(std::istream& in) : in_(in) {}

  Result<> read_header() {
    if (!next()) return bad_option("labels", "must begin with a line that names the columns");
    header_ = cells_;
    entity_ = column("entity"), time_ = column("time");
    if (entity_ == header_.size() || time_ == header_.size())
      return bad_option("labels", "must have the columns entity and time");
    return Done{};
  }

  std::vector<std::string> names() const { return others(header_); }

  Result<> read_into(TrainingSet& set, SampleFormat format) {
    while (next()) {
      if (line_.empty()) continue;
      if (cells_.size() != header_.size()) return wrong(fmt::format("must have {} cells", header_.size()));
      auto time = parse_time(cells_[time_]);
      if (!time) return wrong("time must be such as 2025-09-30T12:00:00Z");
      const std::string& entity = cells_[entity_];
      if (entity.empty() || entity.size() > limits::key_bytes_max)
        return wrong(fmt::format("entity must have 1 to {} bytes", limits::key_bytes_max));
      head_.clear();
      append_sample_head(entity, *time, format, head_);
      append_labels(format);
      TRY_DONE(set.add(entity, *time, head_));
    }
    if (in_.bad()) return Problem{Error::storage_io, "labels", "cannot be read"};
    return too_long_ ? wrong("is too long") : Result<>(Done{});
  }

 private:
  bool next() {
    if (!std::getline(in_, line_)) return false;
    ++number_;
    too_long_ = line_.size() > limits::training_line_bytes_max;
    if (too_long_) return false;
    if (line_.ends_with('\r')) line_.pop_back();
    split_csv_line(line_, cells_);
    return true;
  }

  size_t column(std::string_view name) const {
    return static_cast<size_t>(std::find(header_.begin(), header_.end(), name) - header_.begin());
  }

  std::vector<std::string> others(const std::vector<std::string>& cells) const {
    std::vector<std::string> out;
    for (size_t i = 0; i < cells.size(); ++i)
      if (i != entity_ && i != time_) out.push_back(cells[i]);
    return out;
  }

  void append_labels(SampleFormat format) {
    auto names = this->names(), cells = others(cells_);
    for (size_t i = 0; i < cells.size(); ++i) {
      head_ += ',';
      if (format == SampleFormat::csv) {
        append_csv_cell(cells[i], head_);
      } else {
        append_json_string(names[i], head_);
        head_ += ':';
        append_json_cell(cells[i]);
      }
    }
  }

  // A number where the text is just what that number would be written as.
  void append_json_cell(const std::string& cell) {
    std::string number;
    char* end = nullptr;
    append_json_number(std::strtod(cell.c_str(), &end), number);
    number == cell&&* end == '\0' ? void(head_ += number) : append_json_string(cell, head_);
  }

  Problem wrong(std::string rule) const {
    return bad_option(fmt::format("labels, line {}", number_), std::move(rule));
  }

  std::istream& in_;
  std::string line_, head_;
  std::vector<std::string> header_, cells_;
  size_t entity_ = 0, time_ = 0, number_ = 0;
  bool too_long_ = false;
};

Result<EntityKind> kind_named(const std::string& name) {
  for (EntityKind kind : features::all_kinds)
    if (features::name_of(kind) == name) return kind;
  return bad_option("entity-kind", "must be cart, user or session");
}

Result<TrainingOptions> options_of(const TrainingSetOptions& given, const std::string& scratch) {
  TrainingOptions options;
  auto kind = kind_named(given.entity_kind);
  if (!kind.ok()) return kind.problem();
  options.kind = *kind, options.scratch = scratch, options.model = given.model, options.tenant = given.tenant;
  if (given.format != "csv" && given.format != "ndjson") return bad_option("format", "must be csv or ndjson");
  if (given.format == "ndjson") options.format = SampleFormat::ndjson;
  if (given.time != "ingested" && given.time != "event") return bad_option("time", "must be ingested or event");
  if (given.time == "event") options.clock = SampleClock::event;
  if (given.labels.empty() == given.label_event.empty())
    return bad_option("labels", "either --labels or --label-event is needed");
  if (given.label_event.empty()) return options;
  auto horizon = parse_duration(given.horizon);
  if (!horizon || *horizon <= 0) return bad_option("horizon", "must be a number and s, m, h or d, such as 24h");
  bool predictions = given.at == "prediction";
  if (predictions && options.kind != EntityKind::cart)
    return bad_option("at", "predictions are about carts; for others name the type of event");
  options.found = FoundSamples{predictions ? "" : given.at, given.label_event, *horizon};
  return options;
}

// The definitions that the server wants to serve by now.
Result<std::shared_ptr<const features::Plan>> plan_of(const Config& config, const DataDirectory& directory) {
  auto added = features::added_in_log(directory.place(0));
  if (!added.ok()) return added.problem();
  return features::Plan::compile(features::merge(configured_definitions(config), *added));
}

Result<SampleColumns> columns_of(const TrainingSetOptions& given, const Config& config,
                                 const features::Plan& plan, EntityKind kind) {
  if (given.model.empty()) return SampleColumns::features(plan, kind, given.features);
  if (!given.features.empty()) return bad_option("features", "either --features or --model");
  auto models = config.models.empty() ? ModelSet::embedded() : ModelSet::load(config.models);
  if (!models.ok()) return models.problem();
  auto model = models->find(given.model);
  if (!model) return Problem{Error::model_not_found, "model", fmt::format("there is no \"{}\"", given.model)};
  return SampleColumns::row_of(plan, kind, std::move(model));
}

Result<> check_names(const std::vector<std::string>& labels, const std::vector<std::string>& columns) {
  for (const std::string& label : labels)
    if (std::find(columns.begin(), columns.end(), label) != columns.end())
      return bad_option("labels", fmt::format("the column \"{}\" has the name of a feature", label));
  return Done{};
}

std::string header_line(const std::vector<std::string>& labels, const std::vector<std::string>& columns) {
  std::string line = "entity,time";
  for (auto* names : {&labels, &columns})
    for (const std::string& name : *names) line += ',', append_csv_cell(name, line);
  return line + '\n';
}

// Counts what is written. A sample whose horizon reaches behind the log's end is open, whatever followed it:
// of the young only quick outcomes are known.
class Writer {
 public:
  Writer(Output& out, const TrainingOptions& options, size_t columns, const TrainingReport& report)
      : out_(out), options_(options), columns_(columns), report_(report) {}

  Result<> operator()(const SampleStore::Row& row) {
    if (is_open(row.moment)) return ++open_, Done{};
    line_.assign(row.head);
    bool csv = options_.format == SampleFormat::csv;
    if (options_.found) {
      line_ += csv ? "," : ",\"label\":";
      line_ += row.followed ? '1' : '0';
    }
    if (!csv) line_ += ",\"features\":{";
    csv&& row.features.empty() ? line_.append(columns_, ',') : line_.append(row.features);
    line_ += csv ? "\n" : "}}\n";
    ++rows_;
    followed_ += row.followed;
    return out_.write(line_);
  }

  std::string summary() const {
    std::string text = fmt::format("{} rows from {} records", rows_, report_.records);
    if (report_.unknown) text += fmt::format("; {} of entities that no event had named", report_.unknown);
    if (options_.found)
      text += fmt::format("; {} followed by {}; {} open at the log's end, left out", followed_,
                          options_.found->outcome, open_);
    return text;
  }

 private:
  bool is_open(Micros moment) const {
    return options_.found && report_.log_end && moment + options_.found->horizon_us > *report_.log_end;
  }

  Output& out_;
  const TrainingOptions& options_;
  const size_t columns_;
  const TrainingReport& report_;
  std::string line_;
  uint64_t rows_ = 0, followed_ = 0, open_ = 0;
};

void say_late_starts(const TrainingReport& report) {
  for (auto& start : report.late_starts) {
    std::string time;
    append_time(start.time, true, time);
    fmt::print(stderr, "partition {} begins at LSN {}, {}: features know nothing older\n", start.partition,
               start.lsn, time);
  }
}

Result<> make(const Config& config, const TrainingSetOptions& given) {
  ScratchFolder scratch("headrace-training");
  if (!scratch.made()) return Problem{Error::storage_io, scratch.path(), "cannot be made"};
  auto options = options_of(given, scratch.path());
  if (!options.ok()) return options.problem();
  auto directory = open_to_read(config.data, {});
  if (!directory.ok()) return directory.problem();
  auto plan = plan_of(config, **directory);
  if (!plan.ok()) return plan.problem();
  auto columns = columns_of(given, config, **plan, options->kind);
  if (!columns.ok()) return columns.problem();
  const std::vector<std::string> column_names = columns->names();
  auto set = TrainingSet::open(**directory, *plan, std::move(*columns), *options);
  if (!set.ok()) return set.problem();

  std::vector<std::string> label_names = {"label"};
  if (!options->found) {
    std::ifstream file;
    if (given.labels != "-") file.open(given.labels);
    if (given.labels != "-" && !file) return Problem{Error::storage_io, given.labels, "cannot be opened"};
    LabelFile labels(given.labels == "-" ? std::cin : file);
    TRY_DONE(labels.read_header());
    label_names = labels.names();
    TRY_DONE(labels.read_into(**set, options->format));
  }
  TRY_DONE(check_names(label_names, column_names));

  auto report = (*set)->run();
  if (!report.ok()) return report.problem();
  Output out;
  TRY_DONE(out.open(given.out));
  if (options->format == SampleFormat::csv) TRY_DONE(out.write(header_line(label_names, column_names)));
  Writer writer(out, *options, column_names.size(), *report);
  TRY_DONE((*set)->each([&](const SampleStore::Row& row) { return writer(row); }));
  TRY_DONE(out.close());
  say_late_starts(*report);
  fmt::print(stderr, "{}\n", writer.summary());
  return Done{};
}

}  // namespace

int training_set(const Config& config, const TrainingSetOptions& given) {
  return exit_status(make(config, given));
}

}  // namespace headrace
