// Life: storage from its start on a simulated disk to its sudden end.
//
// Operation: begin() recovers, as the server does: directory, partition, dedup index. act() is one random
// deed of an owner: events, duplicates of events, changes of documents, pumping, waiting, bases, erasures, a switch to rows
// that another thread made. Beside it a keeper works as the server's does: segments are rewritten, thinned and dropped,
// bases copied, the state read as it is lent. check() compares everything with the truth. Lives on: a thread of a Schedule.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "storage/directory.h"
#include "storage/id_index.h"
#include "storage/partition.h"
#include "storage/retainer.h"
#include "tests/sim/dice.h"
#include "tests/sim/truth.h"

namespace headrace::sim {

// What lives did, beside events and documents.
struct Deeds {
  uint64_t rewritten = 0, thinned = 0, dropped = 0, erased = 0, switched = 0, based = 0, read = 0;
  void add(const Deeds& more);
};

class Life {
 public:
  // `truth` outlives it; begin() cuts it to what recovery found.
  Life(std::string path, Truth& truth, Dice& dice);
  ~Life();

  // What a problem says; empty: none.
  std::string begin();
  std::string act();
  std::string check();
  std::string close();

  bool refused() const { return refused_; }          // the problem was one that storage reported
  bool damage_seen() const { return damage_seen_; }  // and it was that files are damaged
  const std::string& failure() const { return failure_; }  // storage stopped itself
  Deeds deeds() const;
  // An observer at the disk asks how far the log is durable, as its readers see it.
  void note_durable();
  bool acks_too_early = false;  // a fault: see faults.h
  bool may_lose_last_ack = false;  // damage in the last batch of a log looks like a torn tail

  Partition* partition() { return partition_.get(); }

 private:
  std::string said(const std::string& what, const Problem& problem);
  std::string find_truth();
  std::string index_ids();
  std::string check_log();
  std::string check_documents();
  std::string check_index();
  std::string check_rows();
  std::string check_ids();
  std::string check_digest();

  void give(Given given);
  std::string text();
  std::string append_event();
  std::string repeat_event();
  std::string commit_change();
  void pump();
  void hold();
  std::string make_base();
  void forget_checkpoints();

  // The keeper (keeping.cc): one piece of work at a time.
  using Work = void (Life::*)();
  void keep(Work work);
  void settle_keeper();
  void copy_base();
  void repack();
  void retain();
  void read_lent();
  void choose_policy();
  void note_problem(const Problem& problem);

  // Erasures (erasing.cc) and other definitions (switching.cc).
  std::string erase_person();
  std::string go_on_erasing(const std::string& key);
  std::string give_order(const std::string& key);
  std::string make_state_anew(const std::string& key);
  std::string rewrite_without(const std::string& key, Lsn order, uint32_t before);
  std::string begin_folding();
  void fold_coming();
  std::string switch_over();
  std::string remove_replaced(uint32_t generation);
  void give_up_folding();

  std::string path_;
  Truth& truth_;
  Dice& dice_;
  TallyFold fold_;
  std::string failure_;
  bool refused_ = false, damage_seen_ = false;
  std::unique_ptr<DataDirectory> directory_;
  PartitionOptions options_;
  std::unique_ptr<Partition> partition_;
  std::unique_ptr<IdIndex> ids_;
  std::thread keeper_, folder_;
  std::atomic<bool> keeping_{false}, seal_wanted_{false}, folded_{false};
  RetentionPolicy policy_;
  std::unique_ptr<Retainer> retainer_;
  std::unique_ptr<TallyFold> coming_fold_;  // while the log is folded by it
  std::unique_ptr<ComingState> coming_;
  std::set<Lsn> coming_seen_;  // what was folded into it
  Deeds deeds_;
  Picture picture_;  // after all of truth_
};

}  // namespace headrace::sim
