// SigningKey: the Ed25519 key of a data directory (RFC 8032). It signs what changes the log after the fact:
// holes, erasures.
//
//   DATA/KEY := checked lines, mode 0600: headrace-key 1, uuid (of the directory), private (32 bytes, hex)
//
// The public half stands in MANIFEST. The private one is in that file and nowhere else: nothing prints it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "storage/disk.h"

struct evp_pkey_st;  // OpenSSL's

namespace headrace {

using PublicKey = std::array<char, 32>;
using Signature = std::array<char, 64>;

class SigningKey {
 public:
  static SigningKey make();
  // Error::storage_damaged where the file is not whole, or not of the directory `uuid` (as text).
  static Result<SigningKey> read(Disk& disk, const std::string& path, std::string_view uuid);
  Result<> write(Disk& disk, const std::string& path, std::string_view uuid) const;

  const PublicKey& public_key() const { return public_key_; }
  Signature sign(std::string_view text) const;
  // 32 bytes that only who has the private key can make, other ones for every purpose (HKDF-SHA256, RFC 5869).
  std::array<char, 32> secret_for(std::string_view purpose) const;

 private:
  explicit SigningKey(const std::array<char, 32>& seed);

  std::shared_ptr<evp_pkey_st> key_;
  PublicKey public_key_{};
};

bool verify(std::string_view text, const Signature& signature, const PublicKey& key);

std::string to_text(const PublicKey& key);  // 64 hexadecimal digits
std::optional<PublicKey> parse_public_key(std::string_view text);

}  // namespace headrace
