// Zeroed memory on huge pages: anonymous mappings, aligned by mapping one huge page more than is needed.
#include "storage/id_pages.h"

#include <sys/mman.h>

#include <cstdint>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t huge_page = 2 * 1024 * 1024;

char* align_up(void* start, size_t alignment) {
  auto address = reinterpret_cast<uintptr_t>(start);
  return static_cast<char*>(start) + (alignment - address % alignment) % alignment;
}

}  // namespace

IdPages::IdPages(size_t size) : size_(size) {
  if (size == 0) return;
  const bool large = size >= huge_page;
  mapped_size_ = large ? size + huge_page : size;
  mapped_ = ::mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped_ != MAP_FAILED);
  data_ = large ? align_up(mapped_, huge_page) : static_cast<char*>(mapped_);
  if (large) ::madvise(data_, size, MADV_HUGEPAGE);  // a wish: without it, it is slower, not wrong
}

IdPages::~IdPages() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

}  // namespace headrace
