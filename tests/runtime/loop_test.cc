// Loops: posts between threads, asks, timers, workers, bounded queues, clean ends. Run under ThreadSanitizer
// too.
#include "src/runtime/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "src/base/limits.h"
#include "src/runtime/ask.h"
#include "src/runtime/offload.h"
#include "src/runtime/sequence.h"
#include "src/runtime/signals.h"
#include "src/runtime/timer.h"

namespace headrace {
namespace {

// Runs `body` as a coroutine on loop 0 of a group, and stops all when it ends.
template <class Body>
void on_loops(size_t count, Body body) {
  Loops loops(count);
  auto main = [](Loops& all, Body what) -> Task<void> {
    co_await what(all);
    all.stop();
  };
  loops.start([&](Loop& loop) {
    if (loop.index() == 0) spawn(main(loops, body));
    loop.run();
  });
  loops.join();
}

TEST(Loop, stops_from_another_thread) {
  Loop loop;
  std::thread runner([&] { loop.run(); });
  loop.stop();
  runner.join();
}

TEST(Loop, runs_posts_of_many_threads_each_in_order) {
  Loop loop;
  constexpr int threads = 4, each = 20'000;
  std::vector<int> next(threads, 0);
  int total = 0;
  std::thread runner([&] { loop.run(); });
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < each;) {
        bool accepted = loop.post([&, t, i] {
          EXPECT_EQ(next[t], i);
          ++next[t];
          if (++total == threads * each) loop.stop();
        });
        if (accepted)
          ++i;
        else
          std::this_thread::yield();
      }
    });
  }
  for (auto& poster : posters) poster.join();
  runner.join();
  EXPECT_EQ(total, threads * each);
}

TEST(Loop, refuses_posts_above_the_limit_and_frees_what_was_never_run) {
  Loop loop;
  auto counted = std::make_shared<int>(0);
  size_t accepted = 0;
  while (loop.post([counted] { ++*counted; })) ++accepted;
  EXPECT_EQ(accepted, limits::inbox_messages_max);
  EXPECT_GT(counted.use_count(), 1000);
  loop.stop();
  loop.run();
  EXPECT_EQ(*counted, static_cast<int>(accepted));
  EXPECT_TRUE(loop.post([counted] {}));  // never run: the loop ends
}

TEST(Loop, calls_hooks_in_stages_and_again_when_asked) {
  Loop loop;
  std::string order;
  bool again = true;
  auto out = loop.at_end_of_iteration(Stage::output, [&] {
    order += 'o';
    if (std::exchange(again, false)) loop.settle_again();
  });
  auto in = loop.at_end_of_iteration(Stage::input, [&] { order += 'i'; });
  auto work = loop.at_end_of_iteration(Stage::work, [&] { order += 'w'; });
  loop.stop();
  loop.run();
  EXPECT_EQ(order.substr(0, 6), "iwoiwo");
}

TEST(Loop, a_hook_may_end_itself) {
  Loop loop;
  int calls = 0;
  Loop::Hook hook;
  hook = loop.at_end_of_iteration(Stage::work, [&] {
    ++calls;
    Loop::Hook ended = std::move(hook);
  });
  auto timer = Timer::after(loop, 5'000, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(Timer, fires_once_or_often_and_not_after_its_end) {
  Loop loop;
  int once = 0, often = 0, never = 0;
  auto first = Timer::after(loop, 2'000, [&] { ++once; });
  Timer second;
  second = Timer::every(loop, 1'000, [&] {
    if (++often == 5) second.cancel();
  });
  {
    auto third = Timer::after(loop, 1'000, [&] { ++never; });
  }
  auto end = Timer::after(loop, 30'000, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(once, 1);
  EXPECT_EQ(often, 5);
  EXPECT_EQ(never, 0);
}

TEST(Timer, sleep_takes_at_least_its_time) {
  on_loops(1, [](Loops&) -> Task<void> {
    auto start = std::chrono::steady_clock::now();
    co_await sleep(10'000);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(9));
  });
}

TEST(Signals, calls_on_the_loop) {
  Loop loop;
  int seen = 0;
  std::thread runner([&] {
    Signals signals(loop, {SIGTERM}, [&](int number) {
      seen = number;
      loop.stop();
    });
    auto raise = Timer::after(loop, 1'000, [] { ::raise(SIGTERM); });
    loop.run();
  });
  runner.join();
  EXPECT_EQ(seen, SIGTERM);
}

// --- ask

Result<int> half(int number) {
  if (number % 2 != 0) return Problem(Error::invalid_input, "odd");
  return number / 2;
}
size_t where_am_i() { return Loop::current()->index(); }
void nothing() {}
std::string joined(std::string a, std::string b) { return a + b; }
Task<std::string> slowly(std::string text) {
  co_await sleep(1'000);
  co_return text + std::to_string(Loop::current()->index());
}
Task<void> sleep_a_little() { co_await sleep(1'000); }

Task<void> ask_everything(Loops& loops) {
  for (size_t i = 0; i < loops.size(); ++i) {
    auto index = co_await ask(loops[i], where_am_i);
    EXPECT_EQ(*index, i);
    auto halved = co_await ask(loops[i], half, 8);
    EXPECT_EQ(*halved, 4);
    auto refused = co_await ask(loops[i], half, 7);
    EXPECT_EQ(refused.problem().detail, "odd");
    EXPECT_TRUE((co_await ask(loops[i], nothing)).ok());
    auto text = co_await ask(loops[i], joined, std::string(100, 'a'), std::string(100, 'b'));
    EXPECT_EQ(text->size(), 200u);
    auto slow = co_await ask(loops[i], slowly, std::string("on "));
    EXPECT_EQ(*slow, "on " + std::to_string(i));
    EXPECT_TRUE((co_await ask(loops[i], sleep_a_little)).ok());
    auto inlined = co_await ask(
        loops[i], [](int a, int b) { return a + b; }, 1, 2);
    EXPECT_EQ(*inlined, 3);
    EXPECT_EQ(Loop::current()->index(), 0u);
  }
}

TEST(Ask, runs_there_and_resumes_here) {
  on_loops(3, [](Loops& loops) { return ask_everything(loops); });
}

int add_one(int number) { return number + 1; }

Task<void> chain(Loops& loops, size_t me, int rounds, Sequence& done) {
  int number = 0;
  for (int i = 0; i < rounds; ++i) {
    auto answer = co_await ask(loops[(me + 1 + static_cast<size_t>(i)) % loops.size()], add_one, number);
    EXPECT_TRUE(answer.ok());
    if (answer.ok()) number = *answer;
  }
  EXPECT_EQ(number, rounds);
  done.advance(done.value() + 1);
}

TEST(Ask, many_chains_from_all_loops_to_all_loops) {
  constexpr size_t count = 3, chains = 300;
  constexpr int rounds = 200;
  Loops loops(count);
  std::atomic<size_t> finished{0};
  auto body = [](Loops& all, Loop& loop, std::atomic<size_t>& ended) -> Task<void> {
    Sequence done;
    for (size_t i = 0; i < chains; ++i) spawn(chain(all, loop.index(), rounds, done));
    co_await done.at_least(chains);
    if (++ended == count) all.stop();
  };
  loops.start([&](Loop& loop) {
    spawn(body(loops, loop, finished));
    loop.run();
  });
  loops.join();
  EXPECT_EQ(finished, count);
}

std::atomic<int> refused_count{0}, answered_count{0};

Task<void> ask_once(Loop& where, Sequence& done) {
  auto answer = co_await ask(where, add_one, 1);
  if (answer.ok()) {
    ++answered_count;
  } else {
    EXPECT_EQ(answer.problem().error, Error::overloaded);
    ++refused_count;
  }
  done.advance(done.value() + 1);
}

TEST(Ask, a_full_ring_is_a_refusal_and_nothing_is_lost) {
  refused_count = answered_count = 0;
  on_loops(2, [](Loops& loops) -> Task<void> {
    constexpr uint64_t asks = limits::ring_messages_max * 3;
    Sequence done;
    for (uint64_t i = 0; i < asks; ++i) spawn(ask_once(loops[1], done));
    co_await done.at_least(asks);
    EXPECT_EQ(refused_count + answered_count, static_cast<int>(asks));
    EXPECT_GE(answered_count, static_cast<int>(limits::ring_messages_max));
    EXPECT_GT(refused_count, 0);
    auto afterwards = co_await ask(loops[1], add_one, 1);  // and the way is free again
    EXPECT_TRUE(afterwards.ok());
  });
}

// --- offload

std::thread::id worker_id() { return std::this_thread::get_id(); }
int slow_square(int number) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return number * number;
}

Task<void> square(Offload& pool, int number, int& ok, int& refused, Sequence& done) {
  auto answer = co_await offload(pool, slow_square, number);
  if (answer.ok()) {
    EXPECT_EQ(*answer, number * number);
    ++ok;
  } else {
    EXPECT_EQ(answer.problem().error, Error::overloaded);
    ++refused;
  }
  done.advance(done.value() + 1);
}

TEST(Offload, runs_on_a_worker_and_refuses_what_does_not_fit) {
  Offload pool(2, 4);
  on_loops(1, [&pool](Loops&) -> Task<void> {
    auto* borrowed = &pool;  // copied out of the closure, which outlives the coroutine here
    auto worker = co_await offload(*borrowed, worker_id);
    EXPECT_NE(*worker, std::this_thread::get_id());
    int ok = 0, refused = 0;
    Sequence done;
    for (int i = 0; i < 20; ++i) spawn(square(*borrowed, i, ok, refused, done));
    co_await done.at_least(20);
    EXPECT_GE(ok, 4);
    EXPECT_GE(refused, 10);
    EXPECT_EQ(ok + refused, 20);
  });
}

}  // namespace
}  // namespace headrace
