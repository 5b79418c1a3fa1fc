// A step is a message: to a worker, and back to the loop.
#include "src/net/handshakes.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/net/connection.h"
#include "src/net/http_home.h"

namespace headrace {

struct Handshakes::Step final : Message {
  Step(Handshakes& its_owner, Connection& its_connection, std::unique_ptr<Tls> its_tls)
      : Message(&work), owner(its_owner), loop(its_owner.home_.loop), connection(&its_connection), tls(std::move(its_tls)) {}

  // On a worker.
  static void work(Message& message, Delivery) {
    auto& self = static_cast<Step&>(message);
    self.outcome = self.tls->shake_hands();
    self.act = &arrive;
    self.loop.hand_over(self);
  }

  static void arrive(Message& message, Delivery delivery) {
    std::unique_ptr<Step> self(&static_cast<Step&>(message));
    Handshakes& owner = self->owner;
    --owner.at_work_;
    std::erase(owner.working_, self.get());
    if (delivery == Delivery::run) {
      if (self->connection != nullptr) self->connection->handshake_stepped(std::move(self->tls), self->outcome);
      owner.next();
    }
    owner.home_.handle_closed();  // may free the home, and the owner with it
  }

  Handshakes& owner;
  Loop& loop;
  Connection* connection;  // nullptr: gone meanwhile
  std::unique_ptr<Tls> tls;
  Tls::Outcome outcome = Tls::Outcome::more;
};

Handshakes::Handshakes(HttpHome& home) : home_(home) {}

Handshakes::~Handshakes() { CHECK(working_.empty() && waiting_.empty()); }

void Handshakes::step(Connection& connection, std::unique_ptr<Tls> tls) {
  waiting_.push_back(std::make_unique<Step>(*this, connection, std::move(tls)));
  next();
}

void Handshakes::next() {
  while (!waiting_.empty() && at_work_ < limits::handshake_steps_max) {
    std::unique_ptr<Step> step = std::move(waiting_.front());
    waiting_.pop_front();
    submit(*step.release());
  }
}

// The home outlives what is on its way.
void Handshakes::submit(Step& step) {
  ++at_work_;
  ++home_.handles;
  working_.push_back(&step);
  CHECK(home_.options.workers->submit(step));
}

void Handshakes::forget(const Connection& connection) {
  for (Step* step : working_) {
    if (step->connection == &connection) step->connection = nullptr;
  }
  std::erase_if(waiting_, [&](auto& step) { return step->connection == &connection; });
}

}  // namespace headrace
