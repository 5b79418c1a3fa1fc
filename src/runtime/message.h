// Message: something to run on another loop. Intrusive: whoever sends it owns it until it has run.
#pragma once

#include <utility>

namespace headrace {

enum class Delivery { run, drop };  // drop: the loop ended before the message was run

struct Message {
  using Act = void (*)(Message&, Delivery);

  explicit Message(Act what) : act(what) {}
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  Act act;
  Message* next = nullptr;  // of the list it stands in
};

// A function with its values, on the heap; frees itself when it has run or was dropped.
template <class F>
struct Posted final : Message {
  explicit Posted(F what) : Message(&deliver), function(std::move(what)) {}
  static void deliver(Message& message, Delivery delivery) {
    auto& self = static_cast<Posted&>(message);
    if (delivery == Delivery::run) self.function();
    delete &self;
  }
  F function;
};

}  // namespace headrace
