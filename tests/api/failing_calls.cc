// A library for LD_PRELOAD: one call of libc fails, once, in a server that knows nothing of it.
//
//   HEADRACE_FAIL = call|end of the path|n|error    the n-th `call` on such a file fails with that errno; 0: a short
//                   count; sleepN: it and those after it return, with success, when N seconds are over. Of malloc the second word is the least size in bytes.
//   HEADRACE_FAIL_MARK = file                       gets the moment (CLOCK_MONOTONIC, ns) before the call returns
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

extern "C" void* __libc_malloc(size_t size);

namespace {

struct Plan {
  std::string_view call, end;
  size_t size_min = SIZE_MAX;
  int error = 0;
  unsigned sleep_s = 0;
  std::atomic<long> left{0};
};

std::string_view word(std::string_view& rest) {
  std::string_view first = rest.substr(0, rest.find('|'));
  rest.remove_prefix(first.size() < rest.size() ? first.size() + 1 : rest.size());
  return first;
}

template <class T>
T number(std::string_view text, T otherwise) {
  T value = otherwise;
  std::from_chars(text.begin(), text.end(), value);
  return value;
}

Plan plan;  // read before main; until then nothing fails

__attribute__((constructor)) void read_plan() {
  const char* text = std::getenv("HEADRACE_FAIL");
  std::string_view rest = text == nullptr ? "" : text;
  plan.call = word(rest);
  plan.end = word(rest);
  if (plan.call == "malloc") plan.size_min = number<size_t>(plan.end, SIZE_MAX);
  long count = number<long>(word(rest), 0);
  std::string_view how = word(rest);
  if (how.starts_with("sleep")) plan.sleep_s = number(how.substr(5), 1u);
  plan.error = number(how, EIO);
  plan.left = count;
}

void mark() {
  const char* path = std::getenv("HEADRACE_FAIL_MARK");
  if (path == nullptr) return;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char text[32];
  int size = std::snprintf(text, sizeof text, "%ld", now.tv_sec * 1'000'000'000 + now.tv_nsec);
  int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600));
  (void)!::write(fd, text, static_cast<size_t>(size));
  ::syscall(SYS_close, fd);
}

// A disk that hangs does so for all: from the n-th call on each waits until the N seconds are over.
bool hangs() {
  static std::atomic<long> until{0};
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (--plan.left == 0) mark(), until = now.tv_sec + plan.sleep_s;
  if (plan.left <= 0 && now.tv_sec < until) ::sleep(static_cast<unsigned>(until - now.tv_sec));
  return false;
}

bool is_turn() {
  if (plan.sleep_s > 0) return hangs();
  if (plan.left.load(std::memory_order_relaxed) <= 0 || --plan.left != 0) return false;
  mark();
  errno = plan.error;
  return true;
}

bool fails(std::string_view call, std::string_view path) {
  return call == plan.call && path.ends_with(plan.end) && is_turn();
}

bool fails(std::string_view call, int fd) {
  if (call != plan.call) return false;
  char link[40], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = ::readlink(link, path, sizeof path);
  return size > 0 && fails(call, std::string_view(path, static_cast<size_t>(size)));
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (fails("open", path)) return -1;
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static auto* const real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (!fails("pwrite", fd)) return real(fd, bytes, size, offset);
  return plan.error == 0 ? real(fd, bytes, size / 2, offset) : -1;
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const real = next<ssize_t(int, const iovec*, int)>("writev");
  return fails("writev", fd) ? -1 : real(fd, parts, count);
}

int fdatasync(int fd) {
  static auto* const real = next<int(int)>("fdatasync");
  return fails("fdatasync", fd) ? -1 : real(fd);
}

int fsync(int fd) {
  static auto* const real = next<int(int)>("fsync");
  return fails("fsync", fd) ? -1 : real(fd);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return fails("rename", from) ? -1 : real(from, to);
}

void* malloc(size_t size) noexcept {
  if (size >= plan.size_min && is_turn()) return nullptr;
  return __libc_malloc(size);
}

}  // extern "C"
