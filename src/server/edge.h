// Edge: everything the server listens on: addresses, certificates, the workers of handshakes.
#pragma once

#include <memory>
#include <vector>

#include "routes/kit/app.h"
#include "src/net/address.h"
#include "src/net/listener.h"
#include "src/runtime/offload.h"
#include "src/server/listen_config.h"

namespace headrace {

// Operation: open() takes every address and reads every certificate, each loop then listens on all of them; a reload reads
// the certificates again. Lives on: the main thread, and any thread for const functions. Outlives the loops' run() and ends before they do: its workers hand
// over to them.
class Edge {
 public:
  // Errors: bad_configuration, naming the listener.
  static Result<std::unique_ptr<Edge>> open(const Config& config, size_t loops, size_t partitions);

  // On the loop's thread, one per address, in the order of the configuration.
  Result<std::vector<std::unique_ptr<Listener>>> listen(Loop& loop, HttpHandler& handler) const;

  std::vector<ListenerInfo> about() const;
  std::string url(size_t listener) const;  // "https://127.0.0.1:8443", "unix:/run/headrace.sock"
  size_t size() const { return plans_.size(); }
  size_t connections_max() const { return budget_->max(); }  // of the process
  bool has_tls() const { return workers_ != nullptr; }

  // Reads certificates and keys again and logs what came of it, per listener. Waits for the disk.
  void reload_certificates() const;

 private:
  Edge() = default;
  Result<> take(const ListenPlan& plan, size_t index);
  void warn_of_age(size_t index) const;

  std::vector<ListenPlan> plans_;
  std::vector<ListenSocket> sockets_;
  std::vector<std::shared_ptr<TlsSource>> certificates_;  // nullptr: plain
  std::unique_ptr<Offload> workers_;                      // of handshakes
  std::shared_ptr<ConnectionBudget> budget_;
  Micros strict_transport_us_ = 0;
  Micros websocket_ping_us_ = 0;
};

}  // namespace headrace
