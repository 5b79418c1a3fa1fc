// Grows by doubling, at least to what is asked for.
#include "src/net/input_buffer.h"

#include <algorithm>
#include <cstdlib>

namespace headrace {

InputBuffer::~InputBuffer() { release(); }

char* InputBuffer::room(size_t bytes) {
  if (capacity_ - size_ < bytes) {
    size_t capacity = std::max(size_ + bytes, std::min(2 * capacity_, size_ + 64 * limits::read_bytes));
    data_ = static_cast<char*>(std::realloc(data_, capacity + limits::padding_bytes));
    CHECK(data_ != nullptr);
    std::memset(data_ + capacity, 0, limits::padding_bytes);
    capacity_ = capacity;
  }
  return data_ + size_;
}

void InputBuffer::keep(const char* bytes, size_t count) {
  if (count == 0) return release();
  bool within = data_ != nullptr && bytes >= data_ && bytes <= data_ + size_;
  if (!within) {
    size_ = 0;
    room(count);
  }
  if (bytes != data_) std::memmove(data_, bytes, count);
  size_ = count;
}

void InputBuffer::release() {
  std::free(std::exchange(data_, nullptr));
  size_ = capacity_ = 0;
}

}  // namespace headrace
