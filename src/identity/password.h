// Passwords: argon2id (RFC 9106) with 19 MiB, two passes, one lane. For a pool of workers: a hash takes tens of
// milliseconds.
#pragma once

#include <string>

#include "src/base/result.h"

namespace headrace {

// The encoded form, with parameters and a salt of its own: "$argon2id$v=19$...". Error::overloaded without memory.
Result<std::string> hash_password(const std::string& password);

// Whether `password` is the one behind `encoded`. Where `encoded` is empty (there is no such account), the same work is
// done for a password that nobody has, and the answer is false. Error::overloaded without memory.
Result<bool> is_password(const std::string& encoded, const std::string& password);

}  // namespace headrace
