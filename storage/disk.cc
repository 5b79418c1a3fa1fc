// The real disk: POSIX calls, every failure with the path and the words of the system.
#include "storage/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "storage/kill_point.h"

namespace headrace {
namespace {

Problem failed(std::string_view what, const std::string& path, int error = errno) {
  return Problem(Error::storage_io,
                 std::string(what) + " of " + path + ": " + std::generic_category().message(error));
}

Result<> done_if(bool fine, std::string_view what, const std::string& path) {
  if (fine) return Done{};
  return failed(what, path);
}

// Again and again while a signal interrupts it.
template <class Call>
auto uninterrupted(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

int open_file(const std::string& path, int flags) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
}

class SystemFile final : public File {
 public:
  SystemFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~SystemFile() override { ::close(fd_); }
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;

  Result<> write_at(std::string_view bytes, uint64_t offset) override {
    while (!bytes.empty()) {
      ssize_t wrote = uninterrupted(
          [&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (wrote < 0 && errno == EINVAL && bypasses_) {  // not aligned as this file system wants it
        bypass_cache(false);
        continue;
      }
      if (wrote < 0) return failed("write", path_);
      if (wrote == 0) return failed("write", path_, ENOSPC);
      bytes.remove_prefix(static_cast<size_t>(wrote));
      offset += static_cast<uint64_t>(wrote);
    }
    return Done{};
  }

  Result<size_t> read_at(char* out, size_t size, uint64_t offset) override {
    size_t got = 0;
    while (got < size) {
      ssize_t read = uninterrupted(
          [&] { return ::pread(fd_, out + got, size - got, static_cast<off_t>(offset + got)); });
      if (read < 0) return failed("read", path_);
      if (read == 0) break;
      got += static_cast<size_t>(read);
    }
    return got;
  }

  Result<> sync_data() override {
    return done_if(uninterrupted([&] { return ::fdatasync(fd_); }) == 0, "fdatasync", path_);
  }
  Result<> sync() override {
    return done_if(uninterrupted([&] { return ::fsync(fd_); }) == 0, "fsync", path_);
  }
  // Its error is final, too: the kernel tells it once, and the sync behind it would not hear of it.
  Result<> write_back(uint64_t offset, uint64_t bytes) override {
    constexpr unsigned write_and_wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int code = uninterrupted([&] {
      return ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(bytes), write_and_wait);
    });
    return done_if(code == 0, "sync_file_range", path_);
  }
  // Not every file system can: then fcntl says no, or write does.
  void bypass_cache(bool wish) override {
    int flags = ::fcntl(fd_, F_GETFL);
    if (flags < 0 || bypasses_ == wish) return;
    bypasses_ = ::fcntl(fd_, F_SETFL, wish ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && wish;
  }
  Result<> truncate(uint64_t size) override {
    int code = uninterrupted([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); });
    return done_if(code == 0, "ftruncate", path_);
  }
  Result<uint64_t> size() override {
    struct stat about;
    if (::fstat(fd_, &about) != 0) return failed("fstat", path_);
    return static_cast<uint64_t>(about.st_size);
  }

 private:
  int fd_;
  std::string path_;
  bool bypasses_ = false;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

struct Lock {
  int fd;
  explicit Lock(int held) : fd(held) {}
  ~Lock() { ::close(fd); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

constexpr uint32_t network_file_systems[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,   CODA_SUPER_MAGIC,
    AFS_SUPER_MAGIC, NCP_SUPER_MAGIC, 0x00c36400 /* Ceph */, 0x0bd00bd0 /* Lustre */, 0x47504653 /* GPFS */,
};

class SystemDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int fd = open_file(path, flags_of(mode));
    if (fd < 0) return failed("open", path);
    return std::unique_ptr<File>(std::make_unique<SystemFile>(fd, path));
  }

  Result<bool> exists(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT) return false;
    return failed("access", path);
  }

  Result<> create_directory(const std::string& path) override {
    kill_point("at_file_change");
    return done_if(::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST, "mkdir", path);
  }

  // Where a name comes, goes or becomes durable, commands that copy and mend have their states in between.
  Result<> sync_directory(const std::string& path) override {
    kill_point("at_file_change");
    int fd = open_file(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return failed("open", path);
    SystemFile directory(fd, path);
    return directory.sync();
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    kill_point("at_file_change");
    return done_if(std::rename(from.c_str(), to.c_str()) == 0, "rename", from);
  }

  Result<> remove(const std::string& path) override {
    kill_point("at_file_change");
    return done_if(std::remove(path.c_str()) == 0 || errno == ENOENT, "remove", path);
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return failed("opendir", path);
    std::vector<std::string> names;
    while (dirent* entry = ::readdir(directory)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<Space> space(const std::string& path) override {
    struct statvfs about;
    if (::statvfs(path.c_str(), &about) != 0) return failed("statvfs", path);
    return Space{about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize};
  }

  Result<bool> is_network(const std::string& path) override {
    struct statfs about;
    if (::statfs(path.c_str(), &about) != 0) return failed("statfs", path);
    return std::ranges::find(network_file_systems, static_cast<uint32_t>(about.f_type)) !=
           std::end(network_file_systems);
  }

  Result<std::shared_ptr<void>> lock(const std::string& path) override {
    int fd = open_file(path, O_RDWR | O_CREAT);
    if (fd < 0) return failed("open", path);
    auto held = std::make_shared<Lock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return std::shared_ptr<void>(held);
    if (errno == EWOULDBLOCK) return Problem(Error::storage_locked, path + " is held by another process");
    return failed("flock", path);
  }
};

}  // namespace

Disk& system_disk() {
  static SystemDisk disk;
  return disk;
}

Result<std::string> read_file(Disk& disk, const std::string& path, size_t size_max) {
  auto file = disk.open(path, OpenMode::read);
  if (!file) return file.problem();
  std::string bytes(size_max + 1, '\0');
  auto size = (*file)->read_at(bytes.data(), bytes.size(), 0);
  if (!size) return size.problem();
  if (*size > size_max) return Problem(Error::storage_damaged, path + " is larger than it can be");
  bytes.resize(*size);
  return bytes;
}

}  // namespace headrace
