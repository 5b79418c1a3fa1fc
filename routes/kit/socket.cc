// The opening handshake of a route.
#include "routes/kit/socket.h"

#include "routes/kit/app.h"

namespace headrace {

bool CallerSession::permitted() const { return here_.credentials->still_holds(caller_, app_.clock.wall()); }

RateState CallerSession::take_rates(System system, Counted as) const {
  return headrace::take_rates({app_, here_, caller_, peer_.view(), system, as});
}

void CallerSession::tick() {
  if (!permitted()) socket_.close(unauthorized, "the credential has ended");
}

namespace detail {

Result<Handshake> shake_hands(Call& call) {
  auto handshake = read_handshake(call.request());
  if (handshake.ok() && !is_origin_allowed(call.request(), call.app.origins))
    return Problem{Error::origin_not_allowed, "Origin", "is neither this server's nor listed in websocket_origins"};
  return handshake;
}

void finish_handshake(Call& call, const Result<Handshake>& handshake, Result<std::shared_ptr<SocketSession>> session) {
  if (!session.ok()) return call.answer_problem(session.problem());
  call.upgrade(*handshake, std::move(*session));
}

}  // namespace detail
}  // namespace headrace
