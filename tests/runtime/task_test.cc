// Task, Sequence, OneShot and Gate: what runs when, and that nothing leaks when a waiter is destroyed.
#include "src/runtime/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/runtime/gate.h"
#include "src/runtime/sequence.h"

namespace headrace {
namespace {

Task<int> twice(int number) { co_return 2 * number; }
Task<std::unique_ptr<int>> boxed(int number) { co_return std::make_unique<int>(co_await twice(number)); }
Task<Result<int>> refuse() { co_return Error::not_found; }

Task<void> use_all(std::vector<int>& out) {
  auto box = co_await boxed(21);
  out.push_back(*box);
  Result<int> refused = co_await refuse();
  out.push_back(refused.ok() ? 1 : 0);
}

TEST(Task, gives_values_move_only_ones_and_problems) {
  std::vector<int> out;
  spawn(use_all(out));
  EXPECT_EQ(out, (std::vector<int>{42, 0}));
}

TEST(Task, runs_only_when_awaited_or_spawned) {
  bool ran = false;
  auto set = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  { Task<void> never = set(ran); }
  EXPECT_FALSE(ran);
  spawn(set(ran));
  EXPECT_TRUE(ran);
}

Task<void> wait_for(Sequence& sequence, uint64_t goal, std::vector<uint64_t>& order) {
  co_await sequence.at_least(goal);
  order.push_back(goal);
}

TEST(Sequence, resumes_in_order_of_goals_exactly_those_reached) {
  Sequence sequence;
  std::vector<uint64_t> order;
  for (uint64_t goal : {5, 2, 9, 2, 7}) spawn(wait_for(sequence, goal, order));
  sequence.advance(1);
  EXPECT_TRUE(order.empty());
  sequence.advance(6);
  EXPECT_EQ(order, (std::vector<uint64_t>{2, 2, 5}));
  sequence.advance(3);  // never shrinks
  EXPECT_EQ(sequence.value(), 6u);
  sequence.advance(9);
  EXPECT_EQ(order, (std::vector<uint64_t>{2, 2, 5, 7, 9}));
  EXPECT_FALSE(sequence.waited_for());
}

TEST(Sequence, does_not_wait_for_what_is_reached) {
  Sequence sequence(10);
  std::vector<uint64_t> order;
  spawn(wait_for(sequence, 10, order));
  EXPECT_EQ(order.size(), 1u);
}

Task<void> wait_twice(Sequence& sequence, std::vector<uint64_t>& order) {
  co_await sequence.at_least(1);
  order.push_back(1);
  sequence.advance(2);  // from within a resumption
  co_await sequence.at_least(3);
  order.push_back(3);
}

TEST(Sequence, may_be_advanced_and_awaited_from_within_a_resumption) {
  Sequence sequence;
  std::vector<uint64_t> order;
  spawn(wait_twice(sequence, order));
  spawn(wait_for(sequence, 2, order));
  sequence.advance(1);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2}));
  sequence.advance(3);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(Sequence, forgets_a_waiter_whose_coroutine_is_destroyed) {
  Sequence sequence;
  std::vector<uint64_t> order;
  {
    Task<void> task = wait_for(sequence, 4, order);
    EXPECT_TRUE(task.start(std::noop_coroutine()));
    EXPECT_TRUE(sequence.waited_for());
  }
  EXPECT_FALSE(sequence.waited_for());
  sequence.advance(4);
  EXPECT_TRUE(order.empty());
}

Task<void> own_and_wait(Sequence*& own, bool& ended) {
  Sequence sequence;
  own = &sequence;
  co_await sequence.at_least(1);
  ended = true;
}

TEST(Sequence, may_be_ended_by_who_waited_for_it) {
  Sequence* sequence = nullptr;
  bool ended = false;
  spawn(own_and_wait(sequence, ended));
  sequence->advance(1);
  EXPECT_TRUE(ended);
}

TEST(OneShot, releases_all_who_wait_and_nobody_waits_after) {
  OneShot event;
  int count = 0;
  auto wait = [](OneShot& what, int& n) -> Task<void> {
    co_await what.wait();
    ++n;
  };
  spawn(wait(event, count));
  spawn(wait(event, count));
  EXPECT_EQ(count, 0);
  event.happen();
  EXPECT_EQ(count, 2);
  spawn(wait(event, count));
  EXPECT_EQ(count, 3);
}

Task<void> close_gate(Gate& gate, bool& closed) {
  co_await gate.close();
  closed = true;
}

TEST(Gate, closes_when_the_last_one_has_left) {
  Gate gate;
  bool closed = false;
  auto first = gate.enter();
  ASSERT_TRUE(first.has_value());
  {
    auto second = gate.enter();
    EXPECT_EQ(gate.inside(), 2u);
    spawn(close_gate(gate, closed));
    EXPECT_FALSE(gate.enter().has_value());
  }
  EXPECT_FALSE(closed);
  first.reset();
  EXPECT_TRUE(closed);
}

TEST(Gate, closes_at_once_when_empty) {
  Gate gate;
  bool closed = false;
  spawn(close_gate(gate, closed));
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace headrace
