// A sample given is read before the first later event of its entity; one found, right behind what it is at.
#include "src/training/training_pass.h"

#include <algorithm>

#include "codec/json.h"
#include "codec/scoped_key.h"
#include "src/predictions/predictions.h"

namespace headrace {
namespace {

struct LoggedPrediction {
  std::string model;
  static constexpr auto shape() { return std::tuple{field("model", &LoggedPrediction::model, "")}; }
};

}  // namespace

TrainingPass::TrainingPass(const TrainingOptions& options, const SampleColumns& columns, SampleStore& store,
                           TrainingReport& report, EventFold& fold, Rows& rows, uint32_t partition)
    : options_(options),
      columns_(columns),
      store_(store),
      report_(report),
      fold_(fold),
      rows_(rows),
      partition_(partition) {
  fold_.watch(this);
}

Result<> TrainingPass::take(const RecordView& record) {
  ++report_.records;
  ingested_ = record.time;
  if (options_.clock == SampleClock::ingested)
    report_.log_end = std::max(report_.log_end.value_or(ingested_), ingested_);
  bool predictions = options_.found && options_.found->at.empty();
  if (predictions && record.kind == Kind::event) TRY_DONE(take_prediction(record));
  if (record.kind == Kind::event || record.kind == Kind::fold) fold_.refold(record, rows_);
  if (failure_) return *failure_;
  return Done{};
}

Micros TrainingPass::time_of(const Observation& seen) const {
  return options_.clock == SampleClock::event ? seen.time : ingested_;
}

// A prediction changes no row, and was made of the rows as they are at its place in the log.
Result<> TrainingPass::take_prediction(const RecordView& record) {
  auto event = decode_event(record.payload);
  if (!event.ok()) return event.problem();
  if (event->source != own_source || event->type != prediction_type || event->cart.empty()) return Done{};
  auto logged = from_json<LoggedPrediction>(event->data);
  if (!options_.model.empty() && (!logged.ok() || logged->model != options_.model)) return Done{};
  find(event->cart, event->time);
  return Done{};
}

void TrainingPass::before(EntityKind kind, const RowName& row, const Observation& seen) {
  Micros time = time_of(seen);
  if (options_.clock == SampleClock::event) report_.log_end = std::max(report_.log_end.value_or(time), time);
  if (kind != options_.kind) return;
  if (options_.found && seen.type != options_.found->outcome) return;
  for (const Sample& sample : store_.take_before(partition_, row.key, time))
    options_.found ? judge(sample, time) : answer(sample);
}

void TrainingPass::after(EntityKind kind, const RowName& row, const Observation& seen) {
  bool here = options_.found && !options_.found->at.empty() && kind == options_.kind;
  if (here && seen.type == options_.found->at) find(row.key, time_of(seen));
}

void TrainingPass::find(std::string_view entity, Micros moment) {
  if (tenant_in(entity) != options_.tenant) return;
  scratch_.clear();
  append_sample_head(key_in(entity), moment, options_.format, scratch_);
  auto seq = store_.add(partition_, entity, moment, scratch_);
  if (!seq.ok()) {
    failure_ = seq.problem();
    return;
  }
  ++report_.samples;
  answer(*seq, entity, moment);
}

void TrainingPass::judge(const Sample& sample, Micros outcome) {
  if (outcome - sample.moment <= options_.found->horizon_us) store_.mark_followed(sample.seq);
}

void TrainingPass::answer(const Sample& sample) { answer(sample.seq, sample.entity, sample.moment); }

void TrainingPass::answer(uint64_t seq, std::string_view entity, Micros moment) {
  scratch_.clear();
  columns_.append(fold_.engine(), entity, moment, rows_, options_.format, scratch_);
  store_.answer(seq, scratch_);
  if (EventFold::row_of(options_.kind, entity, rows_) == nullptr) ++report_.unknown;
}

Result<> TrainingPass::finish() {
  fold_.watch(nullptr);
  while (!options_.found) {
    auto rest = store_.take_some(partition_);
    if (rest.empty()) break;
    for (const Sample& sample : rest) answer(sample);
    TRY_DONE(store_.relieve());
  }
  return Done{};
}

}  // namespace headrace
