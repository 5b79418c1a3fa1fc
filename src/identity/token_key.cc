// Ed25519 and HMAC by OpenSSL.
#include "src/identity/token_key.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "codec/base64url.h"
#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t signature_bytes = 64, sha256_bytes = 32;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

struct Context {
  ~Context() { EVP_MD_CTX_free(its); }
  EVP_MD_CTX* its = EVP_MD_CTX_new();
};

std::string sha256(std::string_view text) {
  std::string out(sha256_bytes, '\0');
  SHA256(bytes_of(text), text.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace

std::string hmac_sha256(const std::array<char, 32>& key, std::string_view text) {
  std::string out(sha256_bytes, '\0');
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
             reinterpret_cast<unsigned char*>(out.data()), nullptr) != nullptr);
  return out;
}

bool equal_secretly(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

TokenKey::TokenKey(const TokenRoot& root, TokenAlgorithm algorithm, uint64_t number)
    : algorithm_(algorithm), number_(number) {
  std::string seed = hmac_sha256(root, fmt::format("{} {}", this->algorithm(), number));
  if (algorithm == TokenAlgorithm::hs256) {
    seed.copy(secret_.data(), secret_.size());
    kid_ = base64url(sha256("kid " + seed));  // a thumbprint would be of the secret
  } else {
    key_ = {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()), EVP_PKEY_free};
    std::string raw(sha256_bytes, '\0');
    size_t size = raw.size();
    CHECK(key_ && EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1);
    public_ = base64url(raw);
    // The thumbprint of RFC 7638: required members in the order of their names, without blanks.
    kid_ = base64url(sha256(fmt::format(R"({{"crv":"Ed25519","kty":"OKP","x":"{}"}})", public_)));
  }
  OPENSSL_cleanse(seed.data(), seed.size());
}

std::string_view TokenKey::algorithm() const { return algorithm_ == TokenAlgorithm::eddsa ? "EdDSA" : "HS256"; }

std::string TokenKey::sign(std::string_view text) const {
  if (algorithm_ == TokenAlgorithm::hs256) return hmac_sha256(secret_, text);
  std::string out(signature_bytes, '\0');
  size_t size = out.size();
  Context context;
  CHECK(EVP_DigestSignInit(context.its, nullptr, nullptr, nullptr, key_.get()) == 1);
  CHECK(EVP_DigestSign(context.its, reinterpret_cast<unsigned char*>(out.data()), &size, bytes_of(text), text.size()) == 1);
  return out;
}

bool TokenKey::verify(std::string_view text, std::string_view signature) const {
  if (algorithm_ == TokenAlgorithm::hs256) return equal_secretly(hmac_sha256(secret_, text), signature);
  Context context;
  return signature.size() == signature_bytes &&
         EVP_DigestVerifyInit(context.its, nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.its, bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

std::string TokenKey::jwk() const {
  if (algorithm_ != TokenAlgorithm::eddsa) return {};
  return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"{}","x":"{}"}})", kid_, public_);
}

}  // namespace headrace
