// Call: one request on its way through dispatch, and everything a handler may ask of it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "routes/kit/route.h"
#include "src/base/result.h"
#include "src/net/http.h"

namespace headrace {

struct App;
struct LoopContext;

// Who is calling, as far as dispatch found out.
struct Caller {
  Role role = Role::anyone;
  uint64_t key_id = 0;  // of the API key; 0 for none
};

// An identifier of up to 64 visible characters, without allocation.
class RequestId {
 public:
  void assign(std::string_view text) { size_ = text.copy(text_.data(), text_.size()); }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 64> text_;
  size_t size_ = 0;
};

// Operation: dispatch makes it, exactly one of the answer functions ends it. Lives on: the loop of its
// connection.
class Call {
 public:
  App& app;
  LoopContext& here;  // of the loop that serves the connection
  const Route* route = nullptr;
  size_t route_index = 0;
  System system = System::predict;
  Caller caller;
  RequestId id;
  std::string traceparent;  // passed on; empty if the client sent none
  Micros started = 0;       // monotonic

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

  // Ends the call; it must not be touched afterwards.
  void answer(int status, std::string_view content_type, std::string body);
  void answer_problem(const Problem& problem);

 private:
  Exchange exchange_;
  const Request* request_ = nullptr;
  std::string headers_;
};

// A call lives from dispatch to its answer.
Call& make_call(App& app, LoopContext& here, Exchange exchange);
void end_call(Call& call);

// The body of an error in the form of `system`, and its status.
struct ProblemReply {
  int status;
  std::string body;
};
ProblemReply format_problem(System system, const Problem& problem, std::string_view request_id, Micros wall);

}  // namespace headrace
