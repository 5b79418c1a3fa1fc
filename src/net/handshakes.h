// Handshakes: the TLS handshakes of one listener on one loop, which workers take steps of, so that a private key's
// millisecond is never the loop's. Private to src/net.
#pragma once

#include <deque>

#include "src/base/limits.h"
#include "src/net/tls.h"
#include "src/runtime/loop.h"
#include "src/runtime/message.h"
#include "src/runtime/offload.h"

namespace headrace {

class Connection;
struct HttpHome;

// Operation: at most limits::handshake_steps_max steps are with the workers; the others wait here, first come first
// served. Lives on: its home's loop. Limits: one entry per connection.
class Handshakes {
 public:
  explicit Handshakes(HttpHome& home);
  ~Handshakes();

  // The client has said something: a worker answers it, then connection.handshake_stepped(tls, outcome) runs. Until then
  // `tls` is not the connection's.
  void step(Connection& connection, std::unique_ptr<Tls> tls);
  // The connection is gone.
  void forget(const Connection& connection);
  size_t at_work() const { return at_work_; }

 private:
  struct Step;

  void next();
  void submit(Step& step);

  HttpHome& home_;
  std::deque<std::unique_ptr<Step>> waiting_;
  std::deque<Step*> working_;
  size_t at_work_ = 0;
};

}  // namespace headrace
