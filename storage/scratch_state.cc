// Rows go behind into transactions of bounded size.
#include "storage/scratch_state.h"

#include "src/base/limits.h"
#include "storage/state_rows.h"

namespace headrace {
namespace {

constexpr size_t pages_max = limits::dirty_pages_max / 2;

}  // namespace

ScratchState::ScratchState(ScratchOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<ScratchState>> ScratchState::open(const ScratchOptions& options) {
  std::unique_ptr<ScratchState> self(new ScratchState(options));
  TRY_DONE(self->begin());
  return self;
}

Result<> ScratchState::begin() {
  TRY_DONE(empty_directory());
  auto state =
      State::open(options_.directory, options_.map_bytes, [this](const Problem& p) { failure_ = p; });
  if (!state) return state.problem();
  state_ = std::move(*state);
  backing_ = std::make_unique<StateRows>(*state_);
  rows_ = std::make_unique<Rows>(backing_.get());
  rows_->assume_complete();
  return Done{};
}

Result<> ScratchState::empty_directory() const {
  TRY_DONE(options_.disk->create_directory(options_.directory));
  for (const char* name : {"/data.mdb", "/lock.mdb"})
    TRY_DONE(options_.disk->remove(options_.directory + name));
  return Done{};
}

Result<> ScratchState::health() const {
  if (failure_) return *failure_;
  return Done{};
}

Result<> ScratchState::relieve() {
  if (rows_->bytes() > options_.row_bytes_max || state_->dirty_pages() > pages_max) TRY_DONE(write_rows());
  rows_->evict(options_.row_bytes_max, rows_->count());
  return health();
}

Result<> ScratchState::write_rows() {
  while (rows_->dirty() > 0 && !failure_) {
    if (rows_->chunk_empty()) rows_->take_chunk(limits::rows_behind_max);
    rows_->write_chunk(limits::rows_behind_max);
    if (state_->dirty_pages() > pages_max) state_->commit();
  }
  state_->commit();
  return health();
}

Result<> ScratchState::sync() {
  Disk& disk = *options_.disk;
  auto data = disk.open(options_.directory + "/data.mdb", OpenMode::write);
  if (!data) return data.problem();
  TRY_DONE((*data)->sync());
  TRY_DONE(disk.sync_directory(options_.directory));
  return disk.sync_directory(options_.directory + "/..");
}

void ScratchState::exchange(std::unique_ptr<State>& state, std::unique_ptr<StateRows>& backing,
                            std::unique_ptr<Rows>& rows, std::function<void(const Problem&)> fail_stop) {
  state_->set_fail_stop(std::move(fail_stop));
  std::swap(state_, state);
  std::swap(backing_, backing);
  std::swap(rows_, rows);
  kept_ = true;
}

ScratchState::~ScratchState() {
  rows_.reset();
  state_.reset();
  if (!kept_ && empty_directory().ok()) (void)options_.disk->remove(options_.directory);
}

}  // namespace headrace
