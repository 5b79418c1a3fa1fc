// The floor's answer through Headrace's own loops, parser checks, exchanges and corked writes: what the stack
// costs.
//   fixed_answer_bench PORT [LOOPS]
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "src/net/listener.h"

using namespace headrace;

namespace {

class Fixed final : public HttpHandler {
 public:
  size_t body_limit(const Request&) override { return limits::body_bytes_max; }
  void serve(const Request&, Exchange exchange) override {
    Reply reply;
    reply.content_type = "application/json";
    reply.body =
        "{\"status\":\"success\",\"event_id\":\"evt_0123456789\",\"topic\":\"events.page_view\","
        "\"partition\":1,"
        "\"offset\":123456789,\"time\":1234}\n";
    exchange.answer(std::move(reply));
  }
  Reply protocol_error(Error error, std::string_view detail, const Request&) override {
    return {row_of(error).status, "text/plain", "", std::string(detail) + "\n"};
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: fixed_answer_bench PORT [LOOPS]\n");
    return 2;
  }
  auto reserved = PortReservation::take("127.0.0.1", static_cast<uint16_t>(std::atoi(argv[1])));
  if (!reserved.ok()) {
    std::fprintf(stderr, "%s\n", reserved.problem().text().c_str());
    return 1;
  }
  Fixed fixed;
  Loops loops(argc > 2 ? static_cast<size_t>(std::atoi(argv[2])) : 1);
  loops.start([&](Loop& loop) {
    auto listener = Listener::open(loop, reserved->host(), reserved->port(), fixed);
    CHECK(listener.ok());
    loop.run();
  });
  loops.join();
}
