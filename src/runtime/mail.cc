// The inbox: pushed newest first with one compare-and-swap, taken whole and turned around.
#include "src/runtime/mail.h"

namespace headrace {
namespace {

Message* turned_around(Message* newest) {
  Message* oldest = nullptr;
  while (newest != nullptr) {
    Message* older = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = older;
  }
  return oldest;
}

}  // namespace

void Inbox::push(Message& message) {
  size_.fetch_add(1, std::memory_order_relaxed);
  message.next = newest_.load(std::memory_order_relaxed);
  while (!newest_.compare_exchange_weak(message.next, &message, std::memory_order_release,
                                        std::memory_order_relaxed)) {
  }
}

void Inbox::deliver(Delivery delivery) {
  if (empty()) return;
  Message* message = turned_around(newest_.exchange(nullptr, std::memory_order_acquire));
  while (message != nullptr) {
    Message* next = message->next;  // running a message may end it
    size_.fetch_sub(1, std::memory_order_relaxed);
    message->act(*message, delivery);
    message = next;
  }
}

}  // namespace headrace
