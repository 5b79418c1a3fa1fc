// ScratchState: a state on disk that is thrown away, for folding a log beside the live one.
//
// Operation: fold into rows(), call relieve() now and then; what memory does not hold stands in the state.
// Nothing is synced: after a crash it is made anew. Lives on: one thread at a time. Limits: `row_bytes_max`,
// limits::dirty_pages_max.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/disk.h"
#include "storage/rows.h"

namespace headrace {

class State;
class StateRows;

struct ScratchOptions {
  std::string directory;  // made, and emptied of what an earlier one left
  Disk* disk = &system_disk();
  size_t map_bytes = 0;
  size_t row_bytes_max = 0;
};

class ScratchState {
 public:
  static Result<std::unique_ptr<ScratchState>> open(const ScratchOptions& options);
  ~ScratchState();  // removes its files

  State& state() { return *state_; }
  Rows& rows() { return *rows_; }

  // Keeps memory and the open transaction bounded.
  Result<> relieve();
  // Everything into the file.
  Result<> write_rows();
  // Onto the disk.
  Result<> sync();

  // What a partition takes over, and gives back what it had instead: that is then kept, and only closed here.
  void exchange(std::unique_ptr<State>& state, std::unique_ptr<StateRows>& backing,
                std::unique_ptr<Rows>& rows, std::function<void(const Problem&)> fail_stop);

 private:
  explicit ScratchState(ScratchOptions options);
  Result<> begin();
  Result<> empty_directory() const;
  Result<> health() const;

  const ScratchOptions options_;
  bool kept_ = false;
  std::optional<Problem> failure_;
  std::unique_ptr<State> state_;
  std::unique_ptr<StateRows> backing_;
  std::unique_ptr<Rows> rows_;
};

}  // namespace headrace
