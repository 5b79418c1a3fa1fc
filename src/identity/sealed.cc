// AES-256-GCM by OpenSSL.
#include "src/identity/sealed.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "codec/base64url.h"
#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t nonce_bytes = 12, tag_bytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes_of(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

}  // namespace

std::string seal(const SealKey& key, std::string_view text) {
  std::string out(nonce_bytes + text.size() + tag_bytes, '\0');
  unsigned char *nonce = bytes_of(out.data()), *body = nonce + nonce_bytes;
  CHECK(RAND_bytes(nonce, nonce_bytes) == 1);
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  CHECK(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.data()), nonce) == 1);
  CHECK(EVP_EncryptUpdate(cipher.get(), body, &size, bytes_of(text.data()), static_cast<int>(text.size())) == 1);
  CHECK(EVP_EncryptFinal_ex(cipher.get(), body + size, &rest) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, body + text.size()) == 1);
  return base64url(out);
}

std::optional<std::string> unseal(const SealKey& key, std::string_view sealed) {
  auto raw = parse_base64url(sealed);
  if (!raw || raw->size() < nonce_bytes + tag_bytes) return std::nullopt;
  std::string out(raw->size() - nonce_bytes - tag_bytes, '\0');
  unsigned char *nonce = bytes_of(raw->data()), *body = nonce + nonce_bytes, *tag = body + out.size();
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  bool good = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.data()), nonce) == 1 &&
              EVP_DecryptUpdate(cipher.get(), bytes_of(out.data()), &size, body, static_cast<int>(out.size())) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag) == 1 &&
              EVP_DecryptFinal_ex(cipher.get(), bytes_of(out.data()) + size, &rest) == 1;
  if (!good) return std::nullopt;
  return out;
}

}  // namespace headrace
