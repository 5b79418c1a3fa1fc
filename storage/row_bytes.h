// RowBytes: the bytes of one row, on cache lines of their own, so that who knows the layout of a row knows its
// lines. What std::string does, in 16 bytes instead of 32, so that a row with its key is one line more often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "src/base/check.h"
#include "storage/row_memory.h"

namespace headrace {

// Limits: 4 GiB.
class RowBytes {
 public:
  RowBytes() = default;
  RowBytes(std::string_view bytes) { assign(bytes); }        // NOLINT: as strings convert
  RowBytes(const char* text) : RowBytes(std::string_view(text)) {}  // NOLINT
  RowBytes(const RowBytes& other) : RowBytes(std::string_view(other)) {}
  RowBytes(RowBytes&& other) noexcept { swap(other); }
  RowBytes& operator=(RowBytes other) noexcept { return swap(other), *this; }
  ~RowBytes() { free(); }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  operator std::string_view() const { return {data_, size_}; }  // NOLINT: as strings convert

  void clear() { size_ = 0; }
  void assign(std::string_view bytes) {
    clear();
    append(bytes);
  }
  void append(std::string_view bytes) { copy(make_room(size_, bytes.size()), bytes); }
  void insert(size_t at, std::string_view bytes) { copy(make_room(at, bytes.size()), bytes); }
  void insert_zeros(size_t at, size_t count) { std::memset(make_room(at, count), 0, count); }
  void erase(size_t at, size_t count) {
    CHECK(at <= size_ && count <= size_ - at);
    std::memmove(data_ + at, data_ + at + count, size_ - at - count);
    size_ -= static_cast<uint32_t>(count);
  }
  void reserve(size_t bytes) {
    if (bytes > capacity_) grow(bytes);
  }

  friend bool operator==(const RowBytes& a, const RowBytes& b) { return std::string_view(a) == std::string_view(b); }

 private:
  static void copy(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }
  void free() {
    if (data_ != nullptr) row_memory::give(data_, capacity_);
  }

  void swap(RowBytes& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  // `count` bytes more, at `at`; what stood there moves behind them.
  char* make_room(size_t at, size_t count) {
    CHECK(at <= size_);
    if (capacity_ - size_ < count) grow(std::max<size_t>(size_ + count, capacity_ + size_t{capacity_} / (capacity_ < 1024 ? 1 : 4)));
    if (at < size_) std::memmove(data_ + at + count, data_ + at, size_ - at);
    size_ += static_cast<uint32_t>(count);
    return data_ + at;
  }

  void grow(size_t bytes) {
    CHECK(bytes <= UINT32_MAX - 4096);
    const size_t capacity = row_memory::usable(bytes);
    char* memory = static_cast<char*>(row_memory::take(capacity));
    if (size_ > 0) std::memcpy(memory, data_, size_);
    free();
    data_ = memory;
    capacity_ = static_cast<uint32_t>(capacity);
  }

  char* data_ = nullptr;
  uint32_t size_ = 0, capacity_ = 0;
};

}  // namespace headrace
