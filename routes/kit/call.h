// Call: one request on its way through dispatch, and everything a handler may ask of it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "codec/content_coding.h"
#include "routes/kit/keyed.h"
#include "routes/kit/route.h"
#include "src/base/result.h"
#include "src/base/short_text.h"
#include "src/identity/caller.h"
#include "src/net/http.h"
#include "src/runtime/frame_pool.h"
#include "src/runtime/task.h"

namespace headrace {

struct App;
struct ListenerInfo;
struct LoopContext;

// Operation: dispatch makes it, exactly one of the answer functions ends it. Lives on: the loop of its
// connection.
class Call {
 public:
  App& app;
  LoopContext& here;  // of the loop that serves the connection
  const ListenerInfo* listener = nullptr;
  const Route* route = nullptr;
  size_t route_index = 0;
  System system = System::predict;
  Method method = Method::GET;
  Caller caller;
  ShortText<64> id;
  ShortText<48> peer;
  // Whom the client certificate names, verified by TLS (RFC 2253); empty for none. Permits nothing by itself.
  std::string certificate;
  std::string traceparent;  // passed on; empty if the client sent none
  Micros started = 0;       // monotonic
  size_t bytes_in = 0;      // of the body as sent
  std::string_view code;    // of the problem it ended with
  std::unique_ptr<KeyedCall> keyed;  // it carries an Idempotency-Key that its row honours
  bool wants_problem_json = false;  // of RFC 9457
  std::string if_none_match;        // where the row has a cache
  Coding coding = Coding::identity;  // that the client likes

  Call(App& application, LoopContext& context, Exchange&& its_exchange)
      : app(application), here(context), exchange_(std::move(its_exchange)) {}

  // The request itself. Only until the handler first suspends.
  const Request& request() const { return *request_; }
  void set_request(const Request* request) { request_ = request; }

  // The value of the path parameter `name`, percent-decoded. Only until the handler first suspends.
  struct PathParameter {
    std::string_view name, value;
  };
  std::array<PathParameter, 4> path_parameters;
  size_t path_parameter_count = 0;

  void add_header(std::string_view name, std::string_view value);

  // Calls come and go with every request: their memory is kept.
  static void* operator new(size_t bytes) { return frame_pool::take(bytes); }
  static void operator delete(void* memory, size_t bytes) noexcept { frame_pool::give(memory, bytes); }

  // Ends the call; it must not be touched afterwards.
  void answer(int status, std::string_view content_type, std::string_view body);
  void answer_problem(const Problem& problem);
  // Ends it, too: the connection is the session's from now on.
  void upgrade(const Handshake& handshake, std::shared_ptr<SocketSession> session);
  bool client_gone() const { return exchange_.gone(); }

 private:
  Exchange exchange_;
  friend Task<void> code_and_answer(Call& call, int status, std::string content_type, std::string body);
  void send(int status, std::string_view content_type, std::string_view body);
  bool may_be_coded(std::string_view content_type, std::string_view body) const;
  void finished(int status, size_t bytes_out);
  bool kept_by_client(std::string_view body);
  const std::string& all_headers();

  const Request* request_ = nullptr;
  std::string headers_;
};

// A call lives from dispatch to its answer.
Call& make_call(App& app, LoopContext& here, Exchange exchange);
void end_call(Call& call);

// The body of an error in the form of `system` or, where `problem_json`, of RFC 9457; and its status. `ofrep` names what
// was asked for, its subject.
struct ProblemReply {
  int status;
  std::string_view content_type;
  std::string body;
};
ProblemReply format_problem(System system, const Problem& problem, std::string_view request_id, Micros wall,
                            bool problem_json = false, std::string_view subject = {});
bool accepts_problem_json(std::string_view accept);

// After how many seconds the same request may succeed, for Retry-After; 0 where nothing is known of that.
int64_t retry_after_s(const Problem& problem);

}  // namespace headrace
