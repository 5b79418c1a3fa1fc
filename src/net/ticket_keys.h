// TicketKeys: what seals session tickets (RFC 5077, RFC 8446 4.6.1), so that a client resumes on any loop, after a
// reload of the certificate, and on the server's word alone: no session is stored.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "src/base/limits.h"
#include "src/base/time.h"

namespace headrace {

// Operation: a new key every limits::ticket_key_us; what older ones sealed is read until the session has expired, then they
// are wiped. Keys are never written anywhere. Lives on: any thread.
class TicketKeys {
 public:
  explicit TicketKeys(Clock& clock) : clock_(clock) {}
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  using Name = std::array<uint8_t, 16>;
  struct Key {
    Name name;
    std::array<uint8_t, 32> cipher, mac;
    Micros made;  // monotonic
  };

  // The key of today; empty where the system gives no randomness.
  std::optional<Key> current();
  // The key of that name; empty when it has gone. `renew`: another one has taken its place since.
  std::optional<Key> find(const Name& name, bool& renew);

 private:
  static constexpr size_t kept = static_cast<size_t>(limits::ticket_lifetime_us / limits::ticket_key_us) + 2;

  void forget_old(Micros now);

  Clock& clock_;
  std::mutex mutex_;
  std::array<Key, kept> keys_;  // newest first
  size_t count_ = 0;
};

}  // namespace headrace
