// Lives, moments, and what becomes of them.
#include "tests/sim/history.h"

#include "codec/checksum.h"
#include "tests/sim/faults.h"
#include "tests/sim/schedule.h"

namespace headrace::sim {
namespace {

constexpr int lives = 8, depth_max = 3, cuts_per_moment = 2;

}  // namespace

History::History(uint64_t seed, std::string root, Tallied& tallied)
    : dice_(seed), root_(std::move(root)), tallied_(tallied) {}

std::string History::run(uint64_t states_max) {
  std::string wrong;
  uint64_t until = tallied_.states + states_max;
  for (int life = 0; life < lives && wrong.empty() && tallied_.states < until; ++life) wrong = live_once();
  return wrong;
}

History::Run History::start(const DiskState& before, Truth& truth, Wish wish, bool harmed,
                            const std::function<std::string(Life&)>& live) {
  Run run;
  SimulatedDisk disk(root_, before);
  Schedule schedule(dice_.next());
  Life life(root_, truth, dice_);
  life.acks_too_early = chosen_fault() == Fault::early_ack;
  life.may_lose_last_ack = harmed;
  bool over = false;
  disk.observe = [&](const Operation& operation) {
    if (!over) life.note_durable();
    if (!over && run.moments.size() < wish.most && dice_.one_in(wish.one_in)) {
      std::string where = "operation " + std::to_string(operation.number) + ", before " +
                          std::string(name_of(operation.call)) + " of " + operation.path;
      run.moments.push_back({disk.state(), truth, std::move(where)});
    }
    return faulty(operation);
  };
  run.wrong = life.begin();
  if (run.wrong.empty()) run.wrong = live(life);
  run.damage_seen = life.damage_seen();
  life.note_durable();
  over = true;
  run.end = {disk.state(), truth, "the end"};
  tallied_.operations += disk.operations();
  tallied_.deeds.add(life.deeds());
  uint64_t trace[] = {tallied_.trace, disk.trace()};
  tallied_.trace = hash64({reinterpret_cast<const char*>(trace), sizeof trace});
  return run;
}

std::string History::live_once() {
  bool closes = dice_.one_in(4);
  uint64_t acts = 60 + dice_.below(300);
  auto live = [&](Life& life) {
    std::string wrong;
    for (uint64_t i = 0; i < acts && wrong.empty(); ++i) wrong = life.act();
    return wrong.empty() && closes ? life.close() : wrong;
  };
  Run run = start(disk_, truth_, {25, 16}, false, live);
  if (!run.wrong.empty()) return "while it lived: " + run.wrong;
  run.moments.push_back(std::move(run.end));
  for (const Moment& moment : run.moments) {
    for (int i = 0; i < cuts_per_moment; ++i) {
      std::string wrong = try_moment(moment, 1);
      if (!wrong.empty()) return wrong;
    }
  }
  const Moment& next = run.moments[dice_.below(run.moments.size())];
  std::string how;
  disk_ = dice_.one_in(4) ? next.disk : cut_power(next.disk, dice_, how);
  truth_ = next.truth;
  return {};
}

std::string History::try_moment(const Moment& moment, int depth) {
  bool killed = dice_.one_in(5);
  std::string how = "the process is killed", harm;
  DiskState after = killed ? moment.disk : cut_power(moment.disk, dice_, how);
  bool harmed = !killed && depth == 1 && dice_.one_in(chosen_fault() == Fault::no_crc ? 2 : 10);
  if (harmed) harm = damage(after, dice_);
  Truth truth = moment.truth;
  Wish wish{60, harmed || depth == depth_max ? 0u : 1u};
  Run run = start(after, truth, wish, harmed, [](Life& life) { return life.check(); });
  ++tallied_.states;
  tallied_.again += depth > 1;
  tallied_.killed += killed;
  tallied_.damaged += harmed;
  std::string wrong = run.wrong;
  if (harmed && run.damage_seen) {
    ++tallied_.refused;
    wrong.clear();
  }
  for (size_t i = 0; i < run.moments.size() && wrong.empty(); ++i) wrong = try_moment(run.moments[i], depth + 1);
  if (wrong.empty()) return {};
  return moment.where + "; " + how + (harm.empty() ? "" : "; " + harm) + "\n  " + wrong;
}

}  // namespace headrace::sim
