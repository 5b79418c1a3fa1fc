// Creating, locking and reading a data directory.
#include "storage/directory.h"

#include <sys/random.h>

#include <algorithm>
#include <optional>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/checked_lines.h"

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

bool parse_uuid(std::string_view text, Uuid& uuid) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '-'; });
  return parse_hexadecimal(digits, reinterpret_cast<char*>(uuid.data()), uuid.size());
}

std::optional<std::vector<PublicKey>> parse_keys(std::string_view text) {
  std::vector<PublicKey> keys;
  while (!text.empty()) {
    auto key = parse_public_key(text.substr(0, text.find(',')));
    if (!key) return std::nullopt;
    keys.push_back(*key);
    text.remove_prefix(std::min(text.size(), 2 * key->size() + 1));
  }
  return keys;
}

std::string join_keys(const std::vector<PublicKey>& keys) {
  std::string text;
  for (const PublicKey& key : keys) text += (text.empty() ? "" : ",") + to_text(key);
  return text;
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
  return {path_ + "/p" + std::string(3 - std::min<size_t>(3, digits.size()), '0') + digits, uuid_, partition,
          signers_};
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
  if (writing) TRY_DONE(self->prepare_key(disk));
  if (writing) TRY_DONE(disk.sync_directory(path));  // also where a killed process left it unsynced
  return self;
}

Result<> DataDirectory::create(const DirectoryOptions& options) {
  if (options.partitions_if_new < 1 || options.partitions_if_new > limits::partitions_max) {
    return Problem(Error::bad_configuration, "partitions",
                   "Must be from 1 to " + std::to_string(limits::partitions_max));
  }
  auto partition = options.disk->exists(path_ + "/p000");
  if (!partition) return partition.problem();
  if (*partition) {
    return Problem(Error::storage_damaged, path_ + "/MANIFEST",
                   "The manifest is missing, and what is here cannot be read without it");
  }
  // Of a directory whose MANIFEST a power cut took back: nothing was signed with it.
  TRY_DONE(options.disk->remove(path_ + "/KEY"));
  std::string lines = "headrace " + std::string(format) + "\nuuid " + to_text(random_uuid()) +
                      "\npartitions " + std::to_string(options.partitions_if_new) + "\ncreated " +
                      std::to_string(options.clock->wall()) + "\n";
  TRY_DONE(replace_file(*options.disk, path_ + "/MANIFEST", with_checksum(std::move(lines))));
  created_now_ = true;
  return Done{};
}

Result<> DataDirectory::begin_another(const std::string& path, Clock& clock, Disk& disk) const {
  constexpr std::string_view before = "\ncreated ";
  std::string lines = manifest_;
  size_t at = lines.find(before) + before.size();
  lines.replace(at, lines.find('\n', at) - at, std::to_string(clock.wall()));
  TRY_DONE(replace_file(disk, path + "/MANIFEST", with_checksum(std::move(lines))));
  return disk.sync_directory(path);
}

Result<> DataDirectory::load(Disk& disk) {
  auto text = read_file(disk, path_ + "/MANIFEST", manifest_bytes_max);
  if (!text) return text.problem();
  auto values = parse_checked_lines(*text);
  if (values.empty()) return Problem(Error::storage_damaged, path_ + "/MANIFEST", "The manifest is damaged");
  if (values["headrace"] != format) {
    return Problem(Error::bad_configuration, path_,
                   "This data directory has another format: " + values["headrace"]);
  }
  bool fine = parse_uuid(values["uuid"], uuid_) && parse_number(values["partitions"], partitions_) &&
              parse_number(values["created"], created_) && partitions_ >= 1 &&
              partitions_ <= limits::partitions_max;
  auto keys = parse_keys(values["keys"]);
  if (!fine || !keys)
    return Problem(Error::storage_damaged, path_ + "/MANIFEST", "The manifest does not parse");
  signers_ = std::move(*keys);
  manifest_ = text->substr(0, text->rfind("crc32c "));
  return Done{};
}

// A directory of an older version has none yet. One that was lost is replaced; what it signed stays valid.
Result<> DataDirectory::prepare_key(Disk& disk) {
  std::string path = path_ + "/KEY";
  auto exists = disk.exists(path);
  if (!exists) return exists.problem();
  if (!*exists) {
    key_replaced_ = !signers_.empty();
    TRY_DONE(SigningKey::make().write(disk, path, to_text(uuid_)));
  }
  auto key = SigningKey::read(disk, path, to_text(uuid_));
  if (!key) return key.problem();
  signing_key_ = std::move(*key);
  bool known = std::ranges::find(signers_, signing_key_->public_key()) != signers_.end();
  return known ? Done{} : name_key(disk);
}

// The name of KEY is durable before MANIFEST speaks of it.
Result<> DataDirectory::name_key(Disk& disk) {
  TRY_DONE(disk.sync_directory(path_));
  std::string before = signers_.empty() ? "" : join_keys(signers_);
  signers_.push_back(signing_key_->public_key());
  if (!before.empty()) manifest_.erase(manifest_.find("keys " + before), ("keys " + before).size() + 1);
  manifest_ += "keys " + join_keys(signers_) + "\n";
  return replace_file(disk, path_ + "/MANIFEST", with_checksum(manifest_));
}

}  // namespace headrace
