// Ed25519 by OpenSSL.
#include "storage/signing_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sys/random.h>

#include "src/base/check.h"
#include "storage/checked_lines.h"

namespace headrace {
namespace {

constexpr std::string_view format = "1";
constexpr size_t key_file_bytes_max = 4096;
using Seed = std::array<char, 32>;

unsigned char* out_of(auto& array) { return reinterpret_cast<unsigned char*>(array.data()); }
const unsigned char* bytes_of(const auto& array) {
  return reinterpret_cast<const unsigned char*>(array.data());
}

struct Context {
  ~Context() { EVP_MD_CTX_free(its); }
  EVP_MD_CTX* its = EVP_MD_CTX_new();
};

Problem damaged(const std::string& path, const std::string& what) {
  return Problem(Error::storage_damaged, path,
                 "The signing key " + what +
                     ". Restore the file, or remove it: the next start makes a new one, and what the old one "
                     "signed stays valid");
}

}  // namespace

SigningKey::SigningKey(const Seed& seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()),
           EVP_PKEY_free) {
  size_t size = public_key_.size();
  CHECK(key_ && EVP_PKEY_get_raw_public_key(key_.get(), out_of(public_key_), &size) == 1 &&
        size == public_key_.size());
}

SigningKey SigningKey::make() {
  Seed seed;
  CHECK(::getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  SigningKey key(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<SigningKey> SigningKey::read(Disk& disk, const std::string& path, std::string_view uuid) {
  auto text = read_file(disk, path, key_file_bytes_max);
  if (!text) return text.problem();
  Lines lines = parse_checked_lines(*text);
  OPENSSL_cleanse(text->data(), text->size());
  Seed seed;
  bool whole =
      lines["headrace-key"] == format && parse_hexadecimal(lines["private"], seed.data(), seed.size());
  if (!whole) return damaged(path, "is damaged");
  if (lines["uuid"] != uuid) return damaged(path, "is that of another data directory");
  SigningKey key(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<> SigningKey::write(Disk& disk, const std::string& path, std::string_view uuid) const {
  Seed seed;
  size_t size = seed.size();
  CHECK(EVP_PKEY_get_raw_private_key(key_.get(), out_of(seed), &size) == 1 && size == seed.size());
  std::string text = with_checksum("headrace-key " + std::string(format) + "\nuuid " + std::string(uuid) +
                                   "\nprivate " + hexadecimal({seed.data(), seed.size()}) + "\n");
  auto written = replace_file(disk, path, text);
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(seed.data(), seed.size());
  return written;
}

Signature SigningKey::sign(std::string_view text) const {
  Signature signature;
  size_t size = signature.size();
  Context context;
  CHECK(EVP_DigestSignInit(context.its, nullptr, nullptr, nullptr, key_.get()) == 1);
  CHECK(EVP_DigestSign(context.its, out_of(signature), &size, bytes_of(text), text.size()) == 1 &&
        size == signature.size());
  return signature;
}

std::array<char, 32> SigningKey::secret_for(std::string_view purpose) const {
  Seed seed, out;
  size_t size = seed.size();
  CHECK(EVP_PKEY_get_raw_private_key(key_.get(), out_of(seed), &size) == 1 && size == seed.size());
  std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> hkdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(hkdf.get()), EVP_KDF_CTX_free);
  CHECK(context);
  std::string hash = "SHA256", info(purpose);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, seed.data(), seed.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
  CHECK(EVP_KDF_derive(context.get(), out_of(out), out.size(), parameters) == 1);
  OPENSSL_cleanse(seed.data(), seed.size());
  return out;
}

bool verify(std::string_view text, const Signature& signature, const PublicKey& key) {
  std::shared_ptr<evp_pkey_st> its(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key), key.size()), EVP_PKEY_free);
  if (!its) return false;
  Context context;
  return EVP_DigestVerifyInit(context.its, nullptr, nullptr, nullptr, its.get()) == 1 &&
         EVP_DigestVerify(context.its, bytes_of(signature), signature.size(), bytes_of(text), text.size()) ==
             1;
}

std::string to_text(const PublicKey& key) { return hexadecimal({key.data(), key.size()}); }

std::optional<PublicKey> parse_public_key(std::string_view text) {
  PublicKey key;
  if (!parse_hexadecimal(text, key.data(), key.size())) return std::nullopt;
  return key;
}

}  // namespace headrace
