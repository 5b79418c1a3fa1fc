// State: the LMDB environment of one partition: four trees, a CRC32C per value, a running digest per tree,
// and one write transaction that is always open between two commits.
//
//   value  := crc32c:u32 bytes              over tree, key and bytes
//   digest := sum over all entries of XXH3-128(value, seed = XXH3-64(key, seed = tree)); the meta tree has
//   none
//
// The flags leave all syncing and locking to us: MDB_NOSYNC (checkpoint_store.h makes commits durable),
// MDB_NOLOCK (the data directory is locked, and one thread owns the partition; a write transaction may thus
// move to another thread). Limits: a transaction must stay below limits::dirty_pages_max pages, because LMDB
// spills pages to the file above 131,071 of them, and no page may reach the file while a checkpoint is being
// made durable (rule R).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/checksum.h"
#include "src/base/result.h"

namespace headrace {

enum class StateTree : uint8_t { documents, indexes, rows, meta };
inline constexpr size_t tree_count = 4;
inline constexpr size_t state_key_bytes_max = 511;

// What one entry adds to the digest; `stored` with its CRC.
Digest digest_of(StateTree tree, std::string_view key, std::string_view stored);

class StateView;

class State {
 public:
  using FailStop = std::function<void(const Problem&)>;

  // `directory` exists. `fail_stop` is called for every error of LMDB and every value that fails its CRC;
  // where it returns, failed() holds and everything reads as empty.
  static Result<std::unique_ptr<State>> open(const std::string& directory, size_t map_bytes,
                                             FailStop fail_stop);
  ~State();  // what is not committed is lost
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Good until the next put, erase, drop or commit.
  std::optional<std::string_view> get(StateTree tree, std::string_view key);
  // The value is `head` followed by `tail`.
  void put(StateTree tree, std::string_view key, std::string_view head, std::string_view tail = {});
  void erase(StateTree tree, std::string_view key);
  void drop(StateTree tree);  // all entries
  // All entries of `tree` in `from`. What is put may be committed.
  void copy(StateTree tree, State& from);
  void set_fail_stop(FailStop fail_stop) { fail_stop_ = std::move(fail_stop); }
  // Behind all keys that are there; `stored` as a view shows it.
  void append(StateTree tree, std::string_view key, std::string_view stored);

  bool changed() const { return dirty_pages_ > 0; }
  size_t dirty_pages() const { return dirty_pages_; }  // about; of the open transaction
  uint64_t entries(StateTree tree);
  bool failed() const { return failed_; }

  Digest digest() const;
  const Digest& digest(StateTree tree) const { return digests_[static_cast<size_t>(tree)]; }
  void set_digest(StateTree tree, const Digest& digest) {
    digests_[static_cast<size_t>(tree)] = digest;
  }  // as stored
  // Read anew from all entries, every CRC checked.
  Result<Digest> count_digest(StateTree tree);

  // Writes the open transaction to the file (not to the disk) and begins the next. The id of what was
  // committed.
  uint64_t commit();
  uint32_t page_bytes() const { return page_bytes_; }
  // The newest commit; there must be one.
  Result<std::unique_ptr<StateView>> view();

 private:
  friend class StateCursor;
  friend class StateView;
  struct Handles;
  explicit State(FailStop fail_stop);
  Result<> open_environment(const std::string& directory, size_t map_bytes);
  int open_trees(unsigned flags);
  bool begin();
  void fail(int code, const char* what);
  std::optional<std::string_view> checked(StateTree tree, std::string_view key, std::string_view value);
  Digest& sum(StateTree tree) { return digests_[static_cast<size_t>(tree)]; }

  std::unique_ptr<Handles> lmdb_;
  FailStop fail_stop_;
  std::array<Digest, tree_count> digests_{};
  size_t dirty_pages_ = 0;
  uint32_t page_bytes_ = 0;
  bool failed_ = false;
};

// Walks one tree in key order. No put, erase, drop or commit while it lives.
class StateCursor {
 public:
  StateCursor(State& state, StateTree tree);
  ~StateCursor();
  StateCursor(const StateCursor&) = delete;
  StateCursor& operator=(const StateCursor&) = delete;

  bool seek(std::string_view key);         // the first entry at or behind `key`
  bool seek_before(std::string_view key);  // the last entry before `key`
  bool last();
  bool next();
  bool previous();
  std::string_view key() const { return key_; }
  std::optional<std::string_view> value();  // CRC checked

 private:
  struct Handle;
  bool move(int operation);

  State& state_;
  StateTree tree_;
  std::unique_ptr<Handle> handle_;
  std::string_view key_, stored_;
};

// StateView: a commit as it was, for one reader on any thread.
//
// LMDB is told of no readers (MDB_NOLOCK), and what a commit frees it takes for the second commit after it. What a view
// of commit N needs is freed by N + 1 at the earliest and written over by commit N + 3: its owner must not make that
// one while the view lives (StateLoan sees to it).
class StateView {
 public:
  ~StateView();
  StateView(const StateView&) = delete;
  StateView& operator=(const StateView&) = delete;

  // Every entry in the order of keys, at or behind `from`, its CRC checked, until `visit` has a problem.
  using Visit = std::function<Result<>(std::string_view key, std::string_view stored)>;
  Result<> each(StateTree tree, const Visit& visit, std::string_view from = {}) const;

 private:
  friend class State;
  struct Reading;
  explicit StateView(std::unique_ptr<Reading> reading);
  std::unique_ptr<Reading> reading_;
};

}  // namespace headrace
