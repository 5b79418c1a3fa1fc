// Finding an id by its hash: Rabin and Karp's rolling polynomial, then SHA-256.
#include "src/events/erasure_subject.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <cstring>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

bool in_ids(char c) {
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view("_-.@+").find(c) != std::string_view::npos;
}

bool stands_alone(std::string_view text, size_t at, size_t length) {
  return (at == 0 || !in_ids(text[at - 1])) && (at + length == text.size() || !in_ids(text[at + length]));
}

uint64_t byte_of(char c) { return static_cast<unsigned char>(c); }

}  // namespace

Subject::Subject(const Salt& salt, size_t length) : salt_(salt), length_(length), leading_(1) {
  base_ = hash64({salt_.data(), salt_.size()}) | 1;
  for (size_t i = 1; i < length_; ++i) leading_ *= base_;
}

Subject Subject::of(std::string_view id) {
  CHECK(!id.empty() && id.size() <= limits::key_bytes_max);
  Salt salt;
  CHECK(::getrandom(salt.data(), salt.size(), 0) == static_cast<ssize_t>(salt.size()));
  Subject subject(salt, id.size());
  for (char c : id) subject.rolling_ = subject.rolling_ * subject.base_ + byte_of(c);
  subject.digest_ = subject.digest_of({}, id);
  return subject;
}

Subject::Digest256 Subject::digest_of(std::string_view prefix, std::string_view text) const {
  std::string bytes(salt_.data(), salt_.size());
  bytes.append(prefix).append(text);
  Digest256 digest;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                   EVP_sha256(), nullptr) == 1);
  return digest;
}

void Subject::encode(std::string& out) const {
  out.append(salt_.data(), salt_.size());
  put_varint(length_, out);
  put_fixed(rolling_, out);
  out.append(digest_.data(), digest_.size());
}

std::optional<Subject> Subject::decode(Taker& take) {
  auto salt = take.fixed<Salt>();
  uint64_t length = take.varint();
  auto rolling = take.fixed<uint64_t>();
  auto digest = take.fixed<Digest256>();
  if (take.failed() || length == 0 || length > limits::key_bytes_max) return std::nullopt;
  Subject subject(salt, length);
  subject.rolling_ = rolling;
  subject.digest_ = digest;
  return subject;
}

bool Subject::names(std::string_view text) const {
  return text.size() == length_ && digest_of({}, text) == digest_;
}

std::optional<size_t> Subject::find(std::string_view text, size_t from) const {
  if (text.size() < from + length_) return std::nullopt;
  uint64_t rolling = 0;
  for (size_t i = 0; i < length_; ++i) rolling = rolling * base_ + byte_of(text[from + i]);
  for (size_t at = from;; ++at) {
    bool here = rolling == rolling_ && stands_alone(text, at, length_) && names(text.substr(at, length_));
    if (here) return at;
    if (at + length_ == text.size()) return std::nullopt;
    rolling = (rolling - byte_of(text[at]) * leading_) * base_ + byte_of(text[at + length_]);
  }
}

EntityHash Subject::hash_of(features::EntityKind kind, std::string_view key) const {
  const char prefix = static_cast<char>(kind);
  Digest256 digest = digest_of({&prefix, 1}, key);
  EntityHash hash;
  std::memcpy(hash.data(), digest.data(), hash.size());
  return hash;
}

}  // namespace headrace
