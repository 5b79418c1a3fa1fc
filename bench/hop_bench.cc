// What waiting costs: a coroutine, and a hop to another loop and back, alone and with many in flight.
#include <chrono>
#include <cstdio>

#include "src/runtime/ask.h"
#include "src/runtime/sequence.h"

using namespace headrace;

namespace {

using Time = std::chrono::steady_clock;

double nanoseconds(Time::time_point start, int count) {
  return std::chrono::duration<double, std::nano>(Time::now() - start).count() / count;
}

int add_one(int number) { return number + 1; }
Task<int> add_one_as_task(int number) { co_return number + 1; }

Task<void> coroutines(int count) {
  auto start = Time::now();
  int number = 0;
  for (int i = 0; i < count; ++i) number = co_await add_one_as_task(number);
  std::printf("%-44s %8.1f ns\n", "coroutine, pooled frame, awaited", nanoseconds(start, number));
}

Task<void> chain(Loop& where, int hops, Sequence& done) {
  int number = 0;
  for (int i = 0; i < hops; ++i) number = *co_await ask(where, add_one, number);
  CHECK(number == hops);
  done.advance(done.value() + 1);
}

Task<void> hops(Loop& where, int in_flight, int count) {
  auto start = Time::now();
  Sequence done;
  for (int i = 0; i < in_flight; ++i) spawn(chain(where, count / in_flight, done));
  co_await done.at_least(static_cast<uint64_t>(in_flight));
  char what[64];
  std::snprintf(what, sizeof what, "ask another loop and back, %d in flight", in_flight);
  std::printf("%-44s %8.1f ns\n", what, nanoseconds(start, count));
}

Task<void> measure(Loops& loops) {
  co_await coroutines(20'000'000);
  co_await hops(loops[0], 1, 10'000'000);  // the same loop: no hop
  co_await hops(loops[1], 1, 50'000);
  for (int in_flight : {16, 64, 512, 2048}) co_await hops(loops[1], in_flight, 2'048'000);
  loops.stop();
}

}  // namespace

int main() {
  Loops loops(2);
  loops.start([&](Loop& loop) {
    if (loop.index() == 0) spawn(measure(loops));
    loop.run();
  });
  loops.join();
}
