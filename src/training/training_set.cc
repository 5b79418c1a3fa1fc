// One pass per partition: an entity's features are made by its home's log alone.
#include "src/training/training_set.h"

#include "codec/csv.h"
#include "codec/json.h"
#include "codec/scoped_key.h"
#include "codec/time_text.h"
#include "src/base/limits.h"
#include "src/training/training_pass.h"
#include "storage/log_reader.h"

namespace headrace {
namespace {

constexpr uint64_t records_between_relief = 1024;

}  // namespace

TrainingSet::TrainingSet(const DataDirectory& directory, std::shared_ptr<const features::Plan> plan,
                         SampleColumns columns, TrainingOptions options)
    : directory_(directory),
      plan_(std::move(plan)),
      columns_(std::move(columns)),
      options_(std::move(options)) {}

Result<std::unique_ptr<TrainingSet>> TrainingSet::open(const DataDirectory& directory,
                                                       std::shared_ptr<const features::Plan> plan,
                                                       SampleColumns columns, TrainingOptions options) {
  std::unique_ptr<TrainingSet> self(
      new TrainingSet(directory, std::move(plan), std::move(columns), std::move(options)));
  auto store = SampleStore::open(self->options_.scratch + "/samples");
  if (!store.ok()) return store.problem();
  self->store_ = std::move(*store);
  return self;
}

Result<> TrainingSet::add(std::string_view entity, Micros moment, std::string_view head) {
  const std::string key = scoped(options_.tenant, entity);
  auto seq = store_->add(home_of(key, directory_.partitions()), key, moment, head);
  if (!seq.ok()) return seq.problem();
  ++report_.samples;
  return Done{};
}

Result<TrainingReport> TrainingSet::run() {
  for (uint32_t p = 0; p < directory_.partitions(); ++p) TRY_DONE(run_partition(p));
  return report_;
}

Result<> TrainingSet::run_partition(uint32_t partition) {
  auto scratch = ScratchState::open({.directory = options_.scratch + "/rows",
                                     .map_bytes = limits::state_map_bytes,
                                     .row_bytes_max = limits::training_row_bytes_max});
  if (!scratch.ok()) return scratch.problem();
  auto reader = LogReader::open(directory_.place(partition));
  if (!reader.ok()) return reader.problem();
  EventFold fold(plan_, partition, directory_.partitions(), nullptr);
  TrainingPass pass(options_, columns_, *store_, report_, fold, (*scratch)->rows(), partition);
  RecordView record;
  for (bool first = true;; first = false) {
    Result<bool> more = reader->next(record);
    if (!more.ok()) return more.problem();
    if (!*more) return pass.finish();
    if (first && record.lsn > 1) report_.late_starts.push_back({partition, record.lsn, record.time});
    TRY_DONE(pass.take(record));
    if (report_.records % records_between_relief != 0) continue;
    TRY_DONE((*scratch)->relieve());
    TRY_DONE(store_->relieve());
  }
}

void append_sample_head(std::string_view entity, Micros moment, SampleFormat format, std::string& out) {
  bool csv = format == SampleFormat::csv;
  out += csv ? "" : "{\"entity\":";
  csv ? append_csv_cell(entity, out) : append_json_string(entity, out);
  out += csv ? "," : ",\"time\":\"";
  append_time(moment, true, out);
  if (!csv) out += '"';
}

}  // namespace headrace
