// TrainingPass: one partition's log folded record by record, and its samples read where they are due.
#pragma once

#include "src/training/training_set.h"
#include "storage/scratch_state.h"

namespace headrace {

class TrainingPass final : public FoldWatcher {
 public:
  TrainingPass(const TrainingOptions& options, const SampleColumns& columns, SampleStore& store,
               TrainingReport& report, EventFold& fold, Rows& rows, uint32_t partition);

  // One record, in order.
  Result<> take(const RecordView& record);
  // Behind the last one: those that nothing later made due.
  Result<> finish();

  void before(EntityKind kind, const RowName& row, const Observation& seen) override;
  void after(EntityKind kind, const RowName& row, const Observation& seen) override;

 private:
  Micros time_of(const Observation& seen) const;
  Result<> take_prediction(const RecordView& record);
  void find(std::string_view entity, Micros moment);
  void answer(const Sample& sample);
  void answer(uint64_t seq, std::string_view entity, Micros moment);
  void judge(const Sample& sample, Micros outcome);

  const TrainingOptions& options_;
  const SampleColumns& columns_;
  SampleStore& store_;
  TrainingReport& report_;
  EventFold& fold_;
  Rows& rows_;
  const uint32_t partition_;
  Micros ingested_ = 0;  // of the record in hand
  std::string scratch_;
  std::optional<Problem> failure_;
};

}  // namespace headrace
