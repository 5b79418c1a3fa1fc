// ConnectionBudget: how many connections the whole process may have open, over all listeners and loops, so that their sockets leave
// descriptors for the files of the data directory.
#pragma once

#include <atomic>
#include <cstddef>

namespace headrace {

// Any thread.
class ConnectionBudget {
 public:
  explicit ConnectionBudget(size_t max) : max_(max) {}

  // False where there are that many; else the taker gives it back once.
  bool take() {
    if (open_.fetch_add(1, std::memory_order_relaxed) < max_) return true;
    give();
    return false;
  }
  void give() { open_.fetch_sub(1, std::memory_order_relaxed); }

  size_t max() const { return max_; }

 private:
  const size_t max_;
  std::atomic<size_t> open_ = 0;
};

}  // namespace headrace
