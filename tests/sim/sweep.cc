// One failure per life.
#include "tests/sim/sweep.h"

#include <cerrno>
#include <cstdio>

#include "tests/sim/schedule.h"

namespace headrace::sim {
namespace {

constexpr Failing all_failing[] = {
    {Call::write, "EIO", EIO},
    {Call::write, "ENOSPC", ENOSPC},
    {Call::write, "EINTR", EINTR},
    {Call::write, "short", 0},
    {Call::sync, "EIO", EIO},
    {Call::sync, "ENOSPC", ENOSPC},
    {Call::sync, "EINTR", EINTR},
    {Call::sync_directory, "EIO", EIO},
    {Call::sync_directory, "EINTR", EINTR},
    {Call::open, "EIO", EIO},
    {Call::open, "EMFILE", EMFILE},
    {Call::open, "EINTR", EINTR},
    {Call::create, "EIO", EIO},
    {Call::create, "ENOSPC", ENOSPC},
    {Call::create, "EMFILE", EMFILE},
    {Call::create, "EINTR", EINTR},
    {Call::truncate, "EIO", EIO},
    {Call::truncate, "EINTR", EINTR},
    {Call::rename, "EIO", EIO},
    {Call::rename, "ENOSPC", ENOSPC},
    {Call::remove, "EIO", EIO},
    {Call::make_directory, "EIO", EIO},
    {Call::make_directory, "ENOSPC", ENOSPC},
    {Call::map, "ENOMEM", ENOMEM},
};
constexpr uint64_t misses_max = 20;
constexpr int acts = 300, acts_before = 200, acts_after_stop = 40;

class Case {
 public:
  Case(const Failing& failing, const std::string& root, uint64_t seed, uint64_t n)
      : failing_(failing), root_(root), dice_(seed), n_(n) {}

  // False: the life had no n-th call of that kind.
  bool run(SweepResult& result) {
    prepare();
    suffer(result);
    if (!met_) return false;
    ++result.cases;
    if (result.wrong.empty()) result.wrong = restart(end_, "killed");
    std::string how;
    if (result.wrong.empty()) result.wrong = restart(cut_power(end_, dice_, how), "power cut");
    if (!result.wrong.empty()) result.wrong = where_ + ": " + result.wrong;
    return true;
  }

 private:
  // A life before, so that the start has something to recover.
  void prepare() {
    if (dice_.one_in(4)) return;
    SimulatedDisk disk(root_, {});
    Schedule schedule(dice_.next());
    Life life(root_, truth_, dice_);
    std::string wrong = life.begin();
    for (int i = 0; i < acts_before && wrong.empty(); ++i) wrong = life.act();
    life.note_durable();
    end_ = disk.state();
  }

  Verdict meet(const Operation& operation) {
    if (operation.call != failing_.call || ++calls_ != n_) return {};
    met_ = true;
    where_ = std::string(name_of(operation.call)) + " of " + operation.path + " fails, the " +
             std::to_string(n_) + "th: " + failing_.name;
    lmdb_ = operation.path.ends_with("/data.mdb");
    if (failing_.error == 0) return {.bytes_max = operation.bytes / 2};
    return {.error = failing_.error};
  }

  void suffer(SweepResult& result) {
    SimulatedDisk disk(root_, end_);
    Schedule schedule(dice_.next());
    Life life(root_, truth_, dice_);
    disk.dice = Dice(dice_.next());
    disk.observe = [&](const Operation& operation) {
      life.note_durable();
      return meet(operation);
    };
    std::string wrong = live(life);
    if (met_) result.wrong = judge(life, wrong, result);
    life.note_durable();
    disk.observe = nullptr;
    end_ = disk.state();
  }

  std::string live(Life& life) {
    std::string wrong = life.begin();
    began_ = wrong.empty();
    if (began_ && met_ && life.partition()->recovery().state_rebuilt.find("LMDB") != std::string::npos)
      return "the state was thrown away for an error that passed";
    for (int i = 0; i < acts && wrong.empty(); ++i) wrong = life.act();
    if (wrong.empty()) wrong = life.close();
    return wrong;
  }

  std::string judge(Life& life, const std::string& wrong, SweepResult& result) {
    bool passing = failing_.error == EINTR || failing_.error == 0;
    if (wrong.empty()) return ++result.went_on, "";
    if (passing && !lmdb_) return "noticed: " + wrong;
    if (!began_) return ++result.start_refused, life.refused() || !life.failure().empty() ? "" : wrong;
    if (life.failure().empty() && !life.refused()) return wrong;
    ++result.stopped;
    return life.failure().empty() || life.partition() == nullptr ? "" : stays_stopped(life);
  }

  static std::string stays_stopped(Life& life) {
    Partition& partition = *life.partition();
    Lsn durable = partition.durable_lsn();
    for (int i = 0; i < acts_after_stop; ++i) {
      partition.hurry();
      partition.pump();
      partition.synced();
      Schedule::of_this_thread()->pass();
      if (partition.writable() || partition.append(Kind::event, 1, "k", "late").ok()) return "it goes on writing";
      if (partition.durable_lsn() != durable) return "it acknowledges after the error";
    }
    return partition.close().ok() ? "it closes as if nothing had been" : "";
  }

  std::string restart(const DiskState& from, const char* how) {
    Truth truth = truth_;
    SimulatedDisk disk(root_, from);
    Schedule schedule(dice_.next());
    Life life(root_, truth, dice_);
    std::string wrong = life.begin();
    if (wrong.empty()) wrong = life.check();
    return wrong.empty() ? "" : std::string(how) + " and started again: " + wrong;
  }

  const Failing& failing_;
  const std::string& root_;
  Dice dice_;
  uint64_t n_, calls_ = 0;
  bool met_ = false, began_ = false, lmdb_ = false;
  std::string where_;
  DiskState end_;
  Truth truth_;
};

}  // namespace

SweepResult sweep(const Failing& failing, const std::string& root, uint64_t seed, uint64_t cases_max) {
  SweepResult result;
  uint64_t misses = 0;  // lives in a row that never came to the call
  for (uint64_t n = 1; result.cases < cases_max && result.wrong.empty() && misses < misses_max;) {
    bool met = Case(failing, root, seed++, n).run(result);
    misses = met ? 0 : misses + 1;
    n = met ? n + 1 + n / 16 : 1;
  }
  return result;
}

uint64_t sweep_all(const std::string& root, uint64_t seed, uint64_t cases_max) {
  uint64_t wrong = 0;
  std::printf("%-16s %-7s %6s %8s %8s %8s\n", "call", "error", "cases", "refused", "stopped", "went on");
  for (const Failing& failing : all_failing) {
    SweepResult result = sweep(failing, root, seed, cases_max);
    std::printf("%-16s %-7s %6lu %8lu %8lu %8lu\n", std::string(name_of(failing.call)).c_str(), failing.name,
                result.cases, result.start_refused, result.stopped, result.went_on);
    if (!result.wrong.empty()) std::printf("BAD: %s\n", result.wrong.c_str());
    wrong += !result.wrong.empty();
    std::fflush(stdout);
  }
  return wrong;
}

}  // namespace headrace::sim
