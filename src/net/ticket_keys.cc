// Rotation by the clock, looked at when a ticket is sealed or opened.
#include "src/net/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

#include "src/base/check.h"

namespace headrace {
namespace {

bool fill(TicketKeys::Key& key) {
  return RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
         RAND_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1 &&
         RAND_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1;
}

}  // namespace

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), sizeof keys_); }

void TicketKeys::forget_old(Micros now) {
  while (count_ > 0 && now - keys_[count_ - 1].made > limits::ticket_key_us + limits::ticket_lifetime_us)
    OPENSSL_cleanse(&keys_[--count_], sizeof(Key));
}

std::optional<TicketKeys::Key> TicketKeys::current() {
  std::lock_guard lock(mutex_);
  const Micros now = clock_.monotonic();
  forget_old(now);
  if (count_ > 0 && now - keys_[0].made < limits::ticket_key_us) return keys_[0];
  Key made;
  if (!fill(made)) return std::nullopt;
  made.made = now;
  CHECK(count_ < kept);
  std::copy_backward(keys_.begin(), keys_.begin() + static_cast<ptrdiff_t>(count_),
                     keys_.begin() + static_cast<ptrdiff_t>(count_) + 1);
  keys_[0] = made;
  ++count_;
  return made;
}

std::optional<TicketKeys::Key> TicketKeys::find(const Name& name, bool& renew) {
  std::lock_guard lock(mutex_);
  const Micros now = clock_.monotonic();
  forget_old(now);
  for (size_t i = 0; i < count_; ++i) {
    if (keys_[i].name != name) continue;
    renew = now - keys_[i].made >= limits::ticket_key_us;
    return keys_[i];
  }
  return std::nullopt;
}

}  // namespace headrace
