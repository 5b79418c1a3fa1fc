// Creating, locking and reading a data directory.
#include "storage/directory.h"

#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr std::string_view format = "1";
constexpr size_t manifest_bytes_max = 4096;

Uuid random_uuid() {  // RFC 9562, version 4
  Uuid uuid;
  CHECK(::getrandom(uuid.data(), uuid.size(), 0) == static_cast<ssize_t>(uuid.size()));
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

std::string hexadecimal(uint64_t value, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text.push_back("0123456789abcdef"[(value >> shift) & 15]);
  return text;
}

bool parse_uuid(std::string_view text, Uuid& uuid) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '-'; });
  if (digits.size() != 32) return false;
  for (size_t i = 0; i < uuid.size(); ++i) {
    const char* at = digits.data() + 2 * i;
    if (std::from_chars(at, at + 2, uuid[i], 16).ptr != at + 2) return false;
  }
  return true;
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

// "key value" lines; nothing where the last line is not the CRC32C of all before it.
std::map<std::string, std::string, std::less<>> parse_manifest(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  size_t crc_at = text.rfind("crc32c ");
  if (crc_at == std::string_view::npos ||
      text.substr(crc_at + 7) != hexadecimal(crc32c(text.substr(0, crc_at)), 8) + "\n") {
    return values;
  }
  for (std::string_view rest = text.substr(0, crc_at); !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    size_t space = line.find(' ');
    if (space != std::string_view::npos) values.emplace(line.substr(0, space), line.substr(space + 1));
  }
  return values;
}

}  // namespace

std::string to_text(const Uuid& uuid) {
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text += hexadecimal(uuid[i], 2);
  }
  return text;
}

PartitionPlace DataDirectory::place(uint32_t partition) const {
  CHECK(partition < partitions_);
  std::string digits = std::to_string(partition);
  return {path_ + "/p" + std::string(3 - std::min<size_t>(3, digits.size()), '0') + digits, uuid_, partition};
}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& path,
                                                           const DirectoryOptions& options) {
  std::unique_ptr<DataDirectory> self(new DataDirectory);
  self->path_ = path;
  Disk& disk = *options.disk;
  bool writing = options.access == Access::write;
  if (writing && options.create) TRY_DONE(disk.create_directory(path));
  auto exists = disk.exists(path + "/MANIFEST");
  if (!exists) return exists.problem();
  if (!*exists && !(writing && options.create)) {
    return Problem(Error::bad_configuration, path, "This is no data directory: it has no MANIFEST");
  }
  if (writing) {
    auto network = disk.is_network(path);
    if (!network) return network.problem();
    if (*network) {
      return Problem(Error::bad_configuration, path, "A data directory must not be on a network file system");
    }
    auto lock = disk.lock(path + "/LOCK");
    if (!lock) return lock.problem();
    self->lock_ = std::move(*lock);
  }
  if (!*exists) TRY_DONE(self->create(options));
  TRY_DONE(self->load(disk));
  return self;
}

Result<> DataDirectory::create(const DirectoryOptions& options) {
  if (options.partitions_if_new < 1 || options.partitions_if_new > limits::partitions_max) {
    return Problem(Error::bad_configuration, "partitions",
                   "Must be from 1 to " + std::to_string(limits::partitions_max));
  }
  std::string text = "headrace " + std::string(format) + "\nuuid " + to_text(random_uuid()) +
                     "\npartitions " + std::to_string(options.partitions_if_new) + "\ncreated " +
                     std::to_string(options.clock->wall()) + "\n";
  text += "crc32c " + hexadecimal(crc32c(text), 8) + "\n";
  std::string unnamed = path_ + "/MANIFEST.tmp";
  TRY_DONE(options.disk->remove(unnamed));
  auto file = options.disk->open(unnamed, OpenMode::create);
  if (!file) return file.problem();
  TRY_DONE((*file)->write_at(text, 0));
  TRY_DONE((*file)->sync());
  TRY_DONE(options.disk->rename(unnamed, path_ + "/MANIFEST"));
  TRY_DONE(options.disk->sync_directory(path_));
  created_now_ = true;
  return Done{};
}

Result<> DataDirectory::load(Disk& disk) {
  auto text = read_file(disk, path_ + "/MANIFEST", manifest_bytes_max);
  if (!text) return text.problem();
  auto values = parse_manifest(*text);
  if (values.empty()) return Problem(Error::storage_damaged, path_ + "/MANIFEST", "The manifest is damaged");
  if (values["headrace"] != format) {
    return Problem(Error::bad_configuration, path_,
                   "This data directory has another format: " + values["headrace"]);
  }
  bool fine = parse_uuid(values["uuid"], uuid_) && parse_number(values["partitions"], partitions_) &&
              parse_number(values["created"], created_) && partitions_ >= 1 &&
              partitions_ <= limits::partitions_max;
  if (!fine) return Problem(Error::storage_damaged, path_ + "/MANIFEST", "The manifest does not parse");
  return Done{};
}

}  // namespace headrace
