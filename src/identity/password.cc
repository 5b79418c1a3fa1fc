// Argon2id by libargon2, on threads that step back behind the loops.
#include "src/identity/password.h"

#include <argon2.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/base/check.h"
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

std::string encode(const std::string& password, int& code) {
  std::string salt = make_secret(), out(encoded_bytes_max, '\0');
  code = argon2id_hash_encoded(passes, memory_kib, lanes, password.data(), password.size(), salt.data(), salt_bytes,
                               hash_bytes, out.data(), out.size());
  out.resize(out.find('\0'));
  return out;
}

// Of a password that nobody knows.
const std::string& nobodys() {
  static const std::string encoded = [] {
    int code = 0;
    std::string out = encode(make_secret(), code);
    CHECK(code == ARGON2_OK);
    return out;
  }();
  return encoded;
}

}  // namespace

Result<std::string> hash_password(const std::string& password) {
  step_back();
  int code = 0;
  std::string out = encode(password, code);
  if (code != ARGON2_OK) return Problem{Error::overloaded, argon2_error_message(code)};
  return out;
}

bool is_password(const std::string& encoded, const std::string& password) {
  step_back();
  const std::string& held = encoded.empty() ? nobodys() : encoded;
  bool equal = argon2id_verify(held.c_str(), password.data(), password.size()) == ARGON2_OK;
  return equal && !encoded.empty();
}

}  // namespace headrace
