// Truth: all records that were given to a partition, what documents, rows and ids must be after any of them, and which of
// them may be gone from the log, or must be.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/id_hash.h"
#include "storage/partition.h"

namespace headrace::sim {

inline constexpr uint8_t document_table = 7, key_row_table = 1, total_row_table = 2;

struct Given {
  Kind kind = Kind::event;
  Micros time = 0;
  std::string key, payload;  // as they stand in the record
  bool ends_change = true;   // a change is there whole or not at all
};

// What a row holds: how many records, a hash over their payloads in order, the sum of their times.
struct Tally {
  uint64_t count = 0, hash = 0, time_sum = 0;
  std::string large;  // the last large payload, so that rows have many sizes

  void add(const RecordView& record, uint64_t definition);
  std::string bytes() const;
  static Tally of(std::string_view bytes);
};

// The projection: a tally per key and one over all; every definition hashes in a way of its own. The payload "forget"
// erases the row of its key.
class TallyFold final : public Fold {
 public:
  explicit TallyFold(uint64_t definition = 1) : definition_(definition) {}
  void apply(const RecordView& record, Rows& rows, bool replaying) override;
  uint64_t definition_digest() const override { return definition_; }
  std::string definitions() const override { return std::to_string(definition_); }
  bool resume(std::string_view definitions, uint64_t digest) override;

 private:
  uint64_t definition_;
};

// Documents are "status|rest", with an index by status.
TableDefinition document_definition();

// The id by which the event is known to the dedup index; its payload begins with a serial number of its own.
IdHash id_of(std::string_view payload);

// Events of a type that retention leaves out.
bool is_glimpse(const Given& given);

struct Picture {
  std::map<std::string, std::string> documents, rows;  // rows by key; "" holds the total
  Lsn lsn = 0;
  uint64_t definition = 1;

  void add(const Given& given, bool folded = true);
};

struct Truth {
  std::vector<Given> given;   // LSN 1 and on
  std::vector<Lsn> durable;   // ascending: how far the log was said to be durable, time after time
  Lsn acked() const { return durable.empty() ? 0 : durable.back(); }
  Lsn acked_before() const { return durable.size() < 2 ? 0 : durable[durable.size() - 2]; }
  void say_durable(Lsn lsn) {
    if (lsn > acked()) durable.push_back(lsn);
  }
  // Of the log:
  Lsn thinned_through = 0;  // glimpses up to it may be gone
  Lsn dropped_through = 0;  // everything up to it may be, from the front
  std::map<std::string, Lsn> erasing, erased;  // key -> order: its events up to it may be gone, must be
  bool may_be_gone(Lsn lsn, Lsn first_in_log) const;
  bool must_be_gone(Lsn lsn) const;

  uint64_t definition = 1, coming = 0;  // of the rows that are served; of those that are being switched to, or 0
  std::map<uint64_t, std::set<Lsn>> unseen{{1, {}}};  // by definition: what was gone when its rows were made
  bool forgot = false;  // CKPT was removed: the state is that of the newest base, by whose definitions it may be served
  Picture picture() const;
  void forget_behind(Lsn last);
};

}  // namespace headrace::sim
