// Free lists of blocks.
#include "storage/row_memory.h"

#include <array>
#include <new>

#include "src/base/limits.h"

#if defined(__SANITIZE_ADDRESS__)
#define HEADRACE_PLAIN_ROWS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEADRACE_PLAIN_ROWS 1
#endif
#endif

namespace headrace::row_memory {
namespace {

constexpr std::align_val_t line{line_bytes};

void* allocate(size_t bytes) { return ::operator new(usable(bytes), line); }
void release(void* block) noexcept { ::operator delete(block, line); }

}  // namespace

#ifdef HEADRACE_PLAIN_ROWS

void* take(size_t bytes) { return allocate(bytes); }
void give(void* block, size_t) noexcept { release(block); }

#else

namespace {

constexpr size_t pooled_max = 16 * 1024;  // a larger block is rare
constexpr size_t classes = pooled_max / line_bytes;

struct Free {
  Free* next;
};

struct Lists {
  std::array<Free*, classes> head;
  size_t bytes;  // in all lists
  size_t hand;   // the list that makes room next
  bool closed;   // the thread is ending: blocks go straight back to malloc
};

constinit thread_local Lists lists = {};

void release_all() {
  lists.closed = true;
  for (Free*& head : lists.head) {
    while (Free* block = head) {
      head = block->next;
      release(block);
    }
  }
}

struct Closer {
  ~Closer() { release_all(); }
};

// Kept apart from the lists, so that the hot path does not pay for a guarded thread_local.
void close_at_thread_end() { static thread_local Closer closer; }

size_t class_of(size_t cost) { return cost / line_bytes - 1; }

// Blocks of other sizes go for one of this: rows grow, and what was left of smaller ones would fill the lists for ever.
bool make_room(size_t held) {
  constexpr size_t looks_max = 8;
  for (size_t looks = 0; lists.bytes + held > limits::pooled_row_bytes_max; ++looks) {
    if (looks == looks_max) return false;
    lists.hand = (lists.hand + 1) % classes;
    Free*& head = lists.head[lists.hand];
    if (head == nullptr || lists.hand == class_of(held)) continue;
    Free* block = head;
    head = block->next;
    lists.bytes -= (lists.hand + 1) * line_bytes;
    release(block);
  }
  return true;
}

}  // namespace

void* take(size_t bytes) {
  const size_t held = cost(bytes);
  if (held > pooled_max) return allocate(bytes);
  Free*& head = lists.head[class_of(held)];
  if (head == nullptr) return allocate(bytes);
  Free* block = head;
  head = block->next;
  lists.bytes -= held;
  return block;
}

void give(void* memory, size_t bytes) noexcept {
  const size_t held = cost(bytes);
  if (held > pooled_max || lists.closed || !make_room(held)) return release(memory);
  if (lists.bytes == 0) close_at_thread_end();
  Free*& head = lists.head[class_of(held)];
  head = new (memory) Free{head};
  lists.bytes += held;
}

#endif

}  // namespace headrace::row_memory
