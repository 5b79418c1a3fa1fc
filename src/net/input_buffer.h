// InputBuffer: what a connection has received of a request that is not complete yet. Holds no memory while
// empty.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {

// limits::padding_bytes behind the content are always readable.
class InputBuffer {
 public:
  InputBuffer() = default;
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;
  ~InputBuffer();

  char* data() { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Room for at least `bytes` more behind the content.
  char* room(size_t bytes);
  size_t room_bytes() const { return capacity_ - size_; }
  void grew(size_t bytes) { size_ += bytes; }

  // The content is now these bytes, which may lie within it.
  void keep(const char* bytes, size_t count);
  void release();

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;  // without padding
};

}  // namespace headrace
