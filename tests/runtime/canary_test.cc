// Canary for the compiler: which temporaries inside a co_await expression are destroyed exactly once.
// g++ 12.2 destroys some twice (GCC PR 99576 and relatives); what our code base relies on must be counted
// right.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "src/runtime/task.h"

namespace headrace {
namespace {

int alive = 0;

// Counts itself; a double destruction shows as a negative count, and to AddressSanitizer as a double free.
class Counted {
 public:
  Counted() : memory_(std::make_unique<int>(7)) { ++alive; }
  Counted(Counted&& other) noexcept : memory_(std::move(other.memory_)) { ++alive; }
  ~Counted() { --alive; }
  int value() const { return memory_ ? *memory_ : 0; }

 private:
  std::unique_ptr<int> memory_;
};

struct Aggregate {
  Counted counted;
  std::string text;
};

Task<int> take(Counted counted) { co_return counted.value(); }
Task<int> take_aggregate(Aggregate aggregate) { co_return aggregate.counted.value(); }
Task<size_t> take_string(std::string text) { co_return text.size(); }

Task<void> class_temporary(int& out) { out = co_await take(Counted()); }

Task<void> string_temporary(size_t& out) {
  out = co_await take_string(std::string(100, 'x') + std::string(100, 'y'));
}

Task<void> named_aggregate(int& out) {
  Aggregate named{Counted(), std::string(100, 'x')};
  out = co_await take_aggregate(std::move(named));
}

Task<void> named_lambda(int& out) {
  auto capturing = [counted = Counted()] { return counted.value(); };
  auto call = [](auto function) -> Task<int> { co_return function(); };
  out = co_await call(std::move(capturing));
}

TEST(Canary, a_class_temporary_in_co_await_lives_once) {
  int out = 0;
  spawn(class_temporary(out));
  EXPECT_EQ(out, 7);
  EXPECT_EQ(alive, 0);
}

TEST(Canary, string_temporaries_in_co_await_live_once) {
  size_t out = 0;
  spawn(string_temporary(out));
  EXPECT_EQ(out, 200u);
}

TEST(Canary, a_named_and_moved_aggregate_lives_once) {
  int out = 0;
  spawn(named_aggregate(out));
  EXPECT_EQ(out, 7);
  EXPECT_EQ(alive, 0);
}

TEST(Canary, a_named_and_moved_lambda_lives_once) {
  int out = 0;
  spawn(named_lambda(out));
  EXPECT_EQ(out, 7);
  EXPECT_EQ(alive, 0);
}

// Awaiting must not grow the stack, whatever the optimisation level.
Task<int> one() { co_return 1; }
Task<void> sum_many(int count, int& out) {
  for (int i = 0; i < count; ++i) out += co_await one();
}

TEST(Canary, a_million_awaited_tasks_do_not_grow_the_stack) {
  int out = 0;
  spawn(sum_many(1'000'000, out));
  EXPECT_EQ(out, 1'000'000);
}

}  // namespace
}  // namespace headrace
