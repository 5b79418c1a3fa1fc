// The pool of slots, and Exchange: a handle on a slot.
#include "src/net/slot.h"

#include <deque>

#include "src/base/limits.h"
#include "src/net/connection.h"
#include "src/net/http.h"

namespace headrace {
namespace detail {
namespace {

struct Pool {
  std::deque<Slot> slots;
  Slot* free = nullptr;
};

thread_local Pool pool;

}  // namespace

Slot& take_slot(Connection& connection) {
  if (pool.free == nullptr) pool.free = &pool.slots.emplace_back();
  Slot& slot = *pool.free;
  pool.free = slot.next;
  slot.connection = &connection;
  slot.next = nullptr;
  slot.answered = slot.frame = false;
  return slot;
}

void give_slot(Slot& slot) {
  ++slot.generation;
  slot.connection = nullptr;
  slot.held.clear();
  if (slot.held.capacity() > limits::kept_output_bytes_max) slot.held.shrink_to_fit();
  slot.next = pool.free;
  pool.free = &slot;
}

}  // namespace detail

void Exchange::answer(const BorrowedReply& reply) {
  if (detail::Slot* slot = std::exchange(slot_, nullptr); slot && slot->generation == generation_) {
    slot->connection->answer(*slot, reply);
  }
}

void Exchange::upgrade(const BorrowedReply& reply, std::shared_ptr<SocketSession> session,
                       const SocketOptions& options) {
  if (detail::Slot* slot = std::exchange(slot_, nullptr); slot && slot->generation == generation_) {
    slot->connection->upgrade(*slot, reply, std::move(session), options);
  }
}

void Exchange::abandon() {
  if (!gone()) slot_->connection->abandoned(*slot_);
  slot_ = nullptr;
}

bool Exchange::gone() const { return slot_ == nullptr || slot_->generation != generation_; }

Memo* Exchange::memo() const { return gone() ? nullptr : slot_->connection->memo(); }

}  // namespace headrace
