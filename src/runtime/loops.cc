// A group of loops: lanes between every two of them, and their threads.
#include "src/base/check.h"
#include "src/base/limits.h"
#include "src/runtime/loop.h"
#include "src/runtime/mail.h"

namespace headrace {

Loops::Loops(size_t count) {
  CHECK(count >= 1 && count <= limits::loops_max);
  for (size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
  for (size_t i = 0; i < count; ++i) loops_[i]->join_group(*this, i, count);
}

Loops::~Loops() {
  stop();
  join();
}

void Loops::start(std::function<void(Loop&)> body) {
  CHECK(threads_.empty());
  for (auto& loop : loops_) {
    threads_.emplace_back([body, &loop = *loop] {
      Loop::current_ = &loop;
      body(loop);
    });
  }
}

void Loops::stop() {
  for (auto& loop : loops_) loop->stop();
}

void Loops::join() {
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace headrace
