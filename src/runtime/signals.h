// Signals: calls a function on a loop when the process is sent one of some signals.
#pragma once

#include <functional>
#include <vector>

#include "src/runtime/loop.h"

namespace headrace {

// Lives on: the loop it was made for.
class Signals {
 public:
  Signals(Loop& loop, const std::vector<int>& watched, std::function<void(int signal)> function);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct State;
  State* state_;
};

}  // namespace headrace
