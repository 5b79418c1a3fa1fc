// Slot: the place of one request in its connection's queue of answers. Pooled per thread, told apart by
// generation.
#pragma once

#include <cstdint>
#include <string>

namespace headrace {

class Connection;

namespace detail {

struct Slot {
  Connection* connection = nullptr;  // nullptr: free
  uint64_t generation = 0;           // grows when the slot is answered or its connection is gone
  Slot* next = nullptr;              // of the queue, or of the free list
  bool answered = false;
  bool head = false;
  bool keep_alive = true;
  bool old_client = false;
  bool frame = false;        // the answer to a message of a WebSocket...
  size_t message_bytes = 0;  // ...that had so many bytes
  std::string held;  // the answer, while earlier requests are still unanswered
};

// Never freed while the thread lives, so an Exchange may outlive connection and listener.
Slot& take_slot(Connection& connection);
void give_slot(Slot& slot);

}  // namespace detail
}  // namespace headrace
