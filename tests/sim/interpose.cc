// The simulator's own open, pwrite, fdatasync... stand in front of libc's for the whole program, liblmdb
// included: the dynamic linker looks into the executable first (which is why its symbols are exported). What
// concerns no simulated disk, or comes from no thread of a schedule, is passed on.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "tests/sim/libc.h"
#include "tests/sim/schedule.h"
#include "tests/sim/simulated_disk.h"

using headrace::sim::Schedule;
using headrace::sim::SimulatedDisk;

namespace {

template <class File>
SimulatedDisk* disk_of(File file) {
  SimulatedDisk* disk = SimulatedDisk::active();
  return disk != nullptr && disk->holds(file) ? disk : nullptr;
}

headrace::Micros micros(const timespec& time) { return time.tv_sec * headrace::second_us + time.tv_nsec / 1000; }

constexpr const char* condition_version = "GLIBC_2.3.2";

int wait_until(pthread_cond_t* condition, pthread_mutex_t* mutex, std::optional<headrace::Micros> until) {
  ::pthread_mutex_unlock(mutex);
  bool notified = Schedule::of_this_thread()->wait(condition, until);
  ::pthread_mutex_lock(mutex);
  return notified ? 0 : ETIMEDOUT;
}

}  // namespace

extern "C" {

// Files.

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (auto* disk = disk_of(path)) return disk->open(path, flags, mode);
  return LIBC(open)(path, flags, mode);
}

int close(int fd) {
  if (auto* disk = disk_of(fd)) return disk->close(fd);
  return LIBC(close)(fd);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (auto* disk = disk_of(fd)) return disk->pwrite(fd, bytes, size, offset);
  return LIBC(pwrite)(fd, bytes, size, offset);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  if (auto* disk = disk_of(fd)) return disk->writev(fd, parts, count);
  return LIBC(writev)(fd, parts, count);
}

int fdatasync(int fd) {
  if (auto* disk = disk_of(fd)) return disk->sync(fd);
  return LIBC(fdatasync)(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
  if (disk_of(fd) != nullptr) return 0;
  return LIBC(sync_file_range)(fd, offset, bytes, flags);
}

int fsync(int fd) {
  if (auto* disk = disk_of(fd)) return disk->sync(fd);
  return LIBC(fsync)(fd);
}

int ftruncate(int fd, off_t size) noexcept {
  if (auto* disk = disk_of(fd)) return disk->ftruncate(fd, size);
  return LIBC(ftruncate)(fd, size);
}

int rename(const char* from, const char* to) noexcept {
  if (auto* disk = disk_of(from)) return disk->rename(from, to);
  return LIBC(rename)(from, to);
}

int remove(const char* path) noexcept {
  if (auto* disk = disk_of(path)) return disk->remove(path);
  return LIBC(remove)(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (auto* disk = disk_of(path)) return disk->mkdir(path, mode);
  return LIBC(mkdir)(path, mode);
}

void* mmap(void* where, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  auto* disk = fd < 0 ? nullptr : disk_of(fd);
  if (disk != nullptr && !disk->may_map(fd)) return MAP_FAILED;
  return LIBC(mmap)(where, size, protection, flags, fd, offset);
}

// The unpredictable.

ssize_t getrandom(void* bytes, size_t size, unsigned flags) {
  auto* schedule = Schedule::of_this_thread();
  if (schedule == nullptr) return LIBC(getrandom)(bytes, size, flags);
  for (size_t i = 0; i < size; ++i) static_cast<uint8_t*>(bytes)[i] = static_cast<uint8_t>(schedule->random());
  return static_cast<ssize_t>(size);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  auto* schedule = Schedule::of_this_thread();
  if (schedule == nullptr) return LIBC(clock_gettime)(clock, time);
  *time = {schedule->now() / headrace::second_us, schedule->now() % headrace::second_us * 1000};
  return 0;
}

// Threads.

int pthread_create(pthread_t* id, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  if (auto* schedule = Schedule::of_this_thread()) return schedule->create(id, attributes, body, argument);
  return LIBC(pthread_create)(id, attributes, body, argument);
}

int pthread_join(pthread_t id, void** result) {
  if (auto* schedule = Schedule::of_this_thread()) schedule->await_end(id);
  return LIBC(pthread_join)(id, result);
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (Schedule::of_this_thread() != nullptr) return wait_until(condition, mutex, std::nullopt);
  return LIBC_VERSION(pthread_cond_wait, condition_version)(condition, mutex);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  if (Schedule::of_this_thread() != nullptr) return wait_until(condition, mutex, micros(*until));
  return LIBC(pthread_cond_clockwait)(condition, mutex, clock, until);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  if (Schedule::of_this_thread() != nullptr) return wait_until(condition, mutex, micros(*until));
  return LIBC_VERSION(pthread_cond_timedwait, condition_version)(condition, mutex, until);
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (auto* schedule = Schedule::of_this_thread()) schedule->notify(condition, false);
  return LIBC_VERSION(pthread_cond_signal, condition_version)(condition);
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (auto* schedule = Schedule::of_this_thread()) schedule->notify(condition, true);
  return LIBC_VERSION(pthread_cond_broadcast, condition_version)(condition);
}

}  // extern "C"
