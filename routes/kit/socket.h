// socket<function>: turns a function into the data of a route row whose GET becomes a WebSocket.
//
//   Result<std::shared_ptr<SocketSession>> f(Call&)      f(Call&, const In&)      In from path and query
//
// Dispatch has authorised the call; the handshake and the origin are checked here before f is called.
#pragma once

#include "routes/kit/handler.h"
#include "routes/kit/rates.h"
#include "src/net/websocket.h"

namespace headrace {

// A session of somebody: it is closed when what they have shown for the handshake holds no longer.
class CallerSession : public SocketSession {
 public:
  static constexpr uint16_t unauthorized = 4401;  // the close code; 4xxx are applications' own

  explicit CallerSession(const Call& call) : app_(call.app), here_(call.here), caller_(call.caller), peer_(call.peer) {}
  void opened(WebSocket socket) override { socket_ = socket; }
  void tick() final;

 protected:
  bool permitted() const;  // still
  std::string_view tenant() const { return caller_.tenant.view(); }
  RateState take_rates(System system, Counted as) const;  // for a message

  App& app_;
  LoopContext& here_;
  WebSocket socket_;

 private:
  Caller caller_;
  ShortText<48> peer_;
};

namespace detail {

// Answers the call where the handshake is refused.
Result<Handshake> shake_hands(Call& call);
void finish_handshake(Call& call, const Result<Handshake>& handshake, Result<std::shared_ptr<SocketSession>> session);

template <auto F>
void run_socket(Call& call) {
  using S = Signature<decltype(F)>;
  Result<Handshake> handshake = shake_hands(call);
  if (!handshake.ok()) return call.answer_problem(handshake.problem());
  if constexpr (std::is_void_v<typename S::In>) {
    finish_handshake(call, handshake, F(call));
  } else {
    typename S::In input{};
    if (Result<> read = read_permitted(call, type_of<typename S::In>(), &input); !read.ok())
      return call.answer_problem(read.problem());
    finish_handshake(call, handshake, F(call, input));
  }
}

}  // namespace detail

template <auto F>
inline constexpr Handler socket{
    .name = detail::function_name<F>(),
    .takes_input = !std::is_void_v<typename detail::Signature<decltype(F)>::In>,
    .in = detail::shape_or_null<typename detail::Signature<decltype(F)>::In>(),
    .input = detail::name_or_none<typename detail::Signature<decltype(F)>::In>(),
    .out = nullptr,
    .run = detail::run_socket<F>,
    .is_socket = true,
};

}  // namespace headrace
