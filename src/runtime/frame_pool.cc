// Free lists of coroutine frames. A frame may be given back on another thread than it was taken on.
#include "src/runtime/frame_pool.h"

#include <cstdlib>
#include <new>

#include "src/base/check.h"
#include "src/base/limits.h"

#if defined(__SANITIZE_ADDRESS__)
#define HEADRACE_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEADRACE_PLAIN_FRAMES 1
#endif
#endif

namespace headrace::frame_pool {
namespace {

void* allocate(size_t bytes) {
  void* memory = std::malloc(bytes);
  CHECK(memory != nullptr);
  return memory;
}

}  // namespace

#ifdef HEADRACE_PLAIN_FRAMES

void* take(size_t bytes) { return allocate(bytes); }
void give(void* frame, size_t) noexcept { std::free(frame); }

#else

namespace {

constexpr size_t step_bytes = 64;
constexpr size_t classes = limits::pooled_frame_bytes_max / step_bytes;

struct Free {
  Free* next;
};

struct Lists {
  Free* head[classes];
  size_t count[classes];
  bool closed;  // the thread is ending: frames go straight back to malloc
};

constinit thread_local Lists lists = {};

void release_all() {
  lists.closed = true;
  for (Free*& head : lists.head) {
    while (Free* frame = head) {
      head = frame->next;
      std::free(frame);
    }
  }
}

struct Closer {
  ~Closer() { release_all(); }
};

// Kept apart from the lists, so that the hot path does not pay for a guarded thread_local.
void close_at_thread_end() { static thread_local Closer closer; }

size_t class_of(size_t bytes) { return (bytes - 1) / step_bytes; }

}  // namespace

void* take(size_t bytes) {
  size_t c = class_of(bytes);
  if (c >= classes) return allocate(bytes);
  Free* frame = lists.head[c];
  if (frame == nullptr) return allocate((c + 1) * step_bytes);
  lists.head[c] = frame->next;
  --lists.count[c];
  return frame;
}

void give(void* memory, size_t bytes) noexcept {
  size_t c = class_of(bytes);
  if (c >= classes || lists.closed || lists.count[c] == limits::pooled_frames_max) return std::free(memory);
  if (lists.count[c] == 0) close_at_thread_end();
  lists.head[c] = new (memory) Free{lists.head[c]};
  ++lists.count[c];
}

#endif

}  // namespace headrace::frame_pool
