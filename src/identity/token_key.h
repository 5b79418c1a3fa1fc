// TokenKey: one key that signs access tokens. It is made from the data directory's private key and a number, so that
// nothing secret is stored for it and rotation is a matter of the next number.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/time.h"

struct evp_pkey_st;  // OpenSSL's

namespace headrace {

enum class TokenAlgorithm : uint8_t { eddsa, hs256 };  // as config.cc names them

// What the keys are made from (SigningKey::secret_for("tokens")).
using TokenRoot = std::array<char, 32>;

// Immutable. Lives on: one loop.
class TokenKey {
 public:
  TokenKey(const TokenRoot& root, TokenAlgorithm algorithm, uint64_t number);

  std::string_view algorithm() const;  // of JOSE: "EdDSA" (RFC 8037) or "HS256" (RFC 7518)
  const std::string& kid() const { return kid_; }
  uint64_t number() const { return number_; }

  std::string sign(std::string_view text) const;
  bool verify(std::string_view text, std::string_view signature) const;
  // The public half as a JSON Web Key (RFC 7517); empty where there is none.
  std::string jwk() const;

 private:
  TokenAlgorithm algorithm_;
  uint64_t number_;
  std::array<char, 32> secret_{};  // of HS256
  std::shared_ptr<evp_pkey_st> key_;  // of EdDSA
  std::string public_;                // base64url of its public half
  std::string kid_;
};

// HMAC-SHA256 (RFC 2104) under a key of 32 bytes.
std::string hmac_sha256(const std::array<char, 32>& key, std::string_view text);
// Whether two texts are equal, in a time that does not tell where they differ.
bool equal_secretly(std::string_view a, std::string_view b);

}  // namespace headrace
