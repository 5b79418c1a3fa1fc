// Zeroed memory for tables and filters that are probed at random: on huge pages where the kernel gives them.
#pragma once

#include <cstddef>
#include <utility>

namespace headrace {

class IdPages {
 public:
  IdPages() = default;
  explicit IdPages(size_t size);  // bytes; the start is aligned to 64, and to 2 MiB where it is that large
  ~IdPages();
  IdPages(IdPages&& other) noexcept { swap(other); }
  IdPages& operator=(IdPages&& other) noexcept {
    swap(other);
    return *this;
  }

  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void swap(IdPages& other) noexcept {
    std::swap(mapped_, other.mapped_);
    std::swap(mapped_size_, other.mapped_size_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  void* mapped_ = nullptr;
  size_t mapped_size_ = 0;
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace headrace
