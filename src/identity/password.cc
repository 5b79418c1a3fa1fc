// Argon2id by libargon2, on threads that step back behind the loops.
#include "src/identity/password.h"

#include <argon2.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/base/random.h"

namespace headrace {
namespace {

constexpr uint32_t passes = 2, memory_kib = 19 * 1024, lanes = 1;
constexpr size_t salt_bytes = 16, hash_bytes = 32, encoded_bytes_max = 256;
constexpr int niceness = 10;  // a flood of logins must not slow what loops do

void step_back() {
  thread_local bool done = setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness) == 0;
  (void)done;
}

// Of a password that nobody has: the salt and the hash, 16 and 32 bytes in base64 without padding, are drawn, not
// computed; hex digits are of its alphabet, and its last digits have bits that must be zero.
std::string nobodys() {
  std::string salt = make_secret().substr(0, 21) + "A", hash = make_secret().substr(0, 42) + "A";
  return fmt::format("$argon2id$v=19$m={},t={},p={}${}${}", memory_kib, passes, lanes, salt, hash);
}

}  // namespace

Result<std::string> hash_password(const std::string& password) {
  step_back();
  std::string salt = make_secret(), out(encoded_bytes_max, '\0');
  int code = argon2id_hash_encoded(passes, memory_kib, lanes, password.data(), password.size(), salt.data(), salt_bytes,
                                   hash_bytes, out.data(), out.size());
  if (code != ARGON2_OK) return Problem{Error::overloaded, argon2_error_message(code)};
  out.resize(out.find('\0'));
  return out;
}

Result<bool> is_password(const std::string& encoded, const std::string& password) {
  step_back();
  const std::string held = encoded.empty() ? nobodys() : encoded;
  int code = argon2id_verify(held.c_str(), password.data(), password.size());
  if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) return Problem{Error::overloaded, argon2_error_message(code)};
  return code == ARGON2_OK && !encoded.empty();
}

}  // namespace headrace
