// The dedup index of one partition: from the hash of an event id to the LSN of its first appearance.
//
// Operation: new ids go into a memory table; a full table is frozen and written by a background thread
// (IdKeeper) as an immutable sorted run with a blocked Bloom filter; runs are merged so that few filters are
// probed. Derived data: everything here can be rebuilt from the log (docs/dedup.md). Lives on: the owner
// thread of the partition, all functions. The background thread is its own. Limits: one active and at most
// one frozen table; filters within Options::filter_bytes_max, above it the oldest runs are forgotten;
// limits::id_table_growth_max times memory_entries while a write is late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/limits.h"
#include "src/base/result.h"
#include "storage/disk.h"
#include "storage/id_hash.h"
#include "storage/id_window.h"

namespace headrace {

class IdKeeper;
class IdRun;
class IdTable;
struct IdFilterLine;
struct IdLoaded;
struct IdSnapshot;

class IdIndex {
 public:
  struct Options {
    std::string dir = {};                                   // its parent exists
    size_t memory_entries = limits::id_table_entries;       // of one table, a power of two; it starts smaller
    size_t filter_bytes_max = limits::id_filter_bytes_max;  // of all runs together
    Micros window_us = 0;       // ids of older records are forgotten; 0: none is too old
    uint64_t log_identity = 0;  // of data directory and partition; runs of another log are deleted
    // Any thread: a block of a run cannot be read or is damaged. Its file is then already removed, so that
    // the next open rebuilds it from the log. Must not return in a server; by default it says so on stderr
    // and ends the process with status 70. In tests it may return: ids of that block are then answered as
    // new.
    std::function<void(const Problem&)> fail_stop = nullptr;
    Disk* disk = &system_disk();
  };

  struct Stats {
    uint64_t entries = 0;       // in tables and runs; an upper bound, forgotten ids leave with their run
    uint64_t table_bytes = 0;   // both tables and the spare one
    uint64_t filter_bytes = 0;  // bounded by filter_bytes_max
    uint64_t memory_bytes = 0;  // tables, filters and fences
    uint64_t disk_bytes = 0;
    uint64_t runs = 0;
    uint64_t spills = 0;  // tables written as runs
    uint64_t merges = 0;
    uint64_t merged_entries = 0;   // read by merges: the write amplification over `entries`
    uint64_t growths = 0;          // doublings beyond memory_entries: the writer was late
    uint64_t waits = 0;            // add() stood still at the hard bound
    uint64_t write_failures = 0;   // each is tried again
    uint64_t window_shrinks = 0;   // runs forgotten because of filter_bytes_max
    uint64_t forgotten_ids = 0;    // ids in those runs
    uint64_t first_lsn = 1;        // ids of earlier LSNs are not known
    uint64_t run_reads = 0;        // blocks read by find
    uint64_t false_positives = 0;  // of those, for nothing
  };

  // Loads the complete runs of `dir` (created if missing). A damaged, half-written or missing run is deleted
  // with everything after it, and covered() goes back accordingly. Entries beyond `log_end_lsn`, the last LSN
  // that survived in the log, are removed: their events were lost with power, and their LSNs will be used
  // again.
  static Result<std::unique_ptr<IdIndex>> open(Options options, uint64_t log_end_lsn);
  ~IdIndex();  // without flush(): what is in memory only is re-added from the log at the next open

  IdIndex(const IdIndex&) = delete;
  IdIndex& operator=(const IdIndex&) = delete;

  // LSN of the first appearance, if it is at or after the window's first LSN.
  std::optional<uint64_t> find(const IdHash& id);

  // `lsn` starts at 1 and ascends; the caller made sure that the id is new, or forgotten. An LSN that was
  // covered at open is skipped, so a replay may start early. Waits only when full(). `time` of the record:
  // for the window of time.
  void add(const IdHash& id, uint64_t lsn, Micros time = 0);

  // For batches: fetches what find() and add() of this id will touch. Call 8 to 16 ids ahead.
  void expect(const IdHash& id) const;

  // The table is at its hard bound and the writer is late: refuse new events (503) rather than wait in add().
  bool full();

  // Every id with LSN <= covered() is in the run files, or forgotten. After open the caller re-adds from
  // covered() + 1.
  uint64_t covered() const;

  // For a clean close: writes the memory table as a run and waits for it.
  Result<> flush();

  // Retention: ids with a smaller LSN are not found any more; their runs are deleted as a whole.
  void forget_before(uint64_t lsn);
  // The same by Options::window_us. Cheap: to be called often.
  void forget_older(Micros now);

  Stats stats() const;

 private:
  struct Probe {  // what a lookup needs of a run, side by side
    const IdFilterLine* lines;
    uint64_t line_count;
  };

  IdIndex(Options options, IdLoaded loaded);
  bool may_be_in_runs(const IdHash& id) const;
  std::optional<uint64_t> find_in_runs(const IdHash& id);
  std::optional<uint64_t> read_run(const IdRun& run, const IdHash& id);
  void install(const IdSnapshot& snapshot);
  void poll();
  void make_room();
  void grow();
  void freeze();
  bool at_hard_bound() const;

  Options options_;
  uint64_t covered_at_open_;
  uint64_t last_lsn_;
  IdWindow window_;
  uint64_t frozen_to_;  // the last LSN handed to the keeper, or covered at open
  std::shared_ptr<IdTable> active_;
  std::shared_ptr<IdTable> frozen_;  // null, or being written
  std::vector<Probe> probes_;        // newest run first, like runs_
  std::vector<std::shared_ptr<IdRun>> runs_;
  std::unique_ptr<IdKeeper> keeper_;
  uint64_t growths_ = 0, waits_ = 0, run_reads_ = 0, false_positives_ = 0;
};

}  // namespace headrace
