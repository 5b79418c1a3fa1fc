// Posting a stream of events in batches.
#include "tools/demo_feed.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

namespace headrace {
namespace {

constexpr size_t batch_events = 1'000;
constexpr int tries_max = 20;  // of a batch that the server is too busy for
constexpr auto pause_before_retry = std::chrono::milliseconds(250);
constexpr int bar_width = 30;

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void show_progress(double share, const FeedResult& result, double seconds) {
  if (!isatty(STDERR_FILENO)) return;
  const auto filled = static_cast<size_t>(share * bar_width);
  fmt::print(stderr, "\r  [{}{}] {:>3.0f} %  {} events  {:.0f} events/s ", std::string(filled, '#'),
             std::string(bar_width - filled, '.'), share * 100, result.sent,
             seconds > 0 ? static_cast<double>(result.sent) / seconds : 0);
}

bool too_busy(const HttpReply& reply) { return reply.status == 503 || reply.status == 429; }

Problem refused(const HttpReply& reply) {
  if (reply.status == 401)
    return Problem(Error::authentication_required, "the server does not accept this key (--key)");
  return Problem(Error::conflict,
                 fmt::format("the server answered {}: {}", reply.status, reply.body.substr(0, 300)));
}

class Feeder {
 public:
  Feeder(EventSource& source, HttpClient& client, uint64_t limit)
      : source_(source), client_(client), limit_(limit) {}

  Result<FeedResult> run() {
    SourceEvent event;
    for (;;) {
      const auto more = wanted() ? source_.next(event) : Result<bool>(false);
      if (!more) return more.problem();
      if (!*more) break;
      add(event);
      if (in_batch_ == batch_events) TRY_DONE(send());
    }
    if (in_batch_ > 0) TRY_DONE(send());
    show_progress(1, result_, result_.seconds);
    if (isatty(STDERR_FILENO)) fmt::print(stderr, "\n");
    return std::move(result_);
  }

 private:
  bool wanted() const { return limit_ == 0 || result_.sent + in_batch_ < limit_; }

  void add(const SourceEvent& event) {
    body_ += in_batch_++ == 0 ? '[' : ',';
    body_ += event.json;
    if (!event.cart.empty()) note(event);
  }

  void note(const SourceEvent& event) {
    if (result_.seen.size() >= FeedResult::carts_max && !result_.seen.contains(event.cart)) return;
    const auto [at, fresh] = result_.seen.try_emplace(event.cart);
    if (fresh) result_.carts.push_back(event.cart);
    ++at->second.events;
    at->second.filled |= event.json.find(R"("event_type":"add_to_cart")") != std::string::npos;
    at->second.bought |= event.json.find(R"("event_type":"purchase")") != std::string::npos;
  }

  Result<> send() {
    body_ += ']';
    if (result_.sent == 0) start_ = SteadyClock::now();
    const auto reply = post();
    if (!reply) return reply.problem();
    if (!reply->good()) return refused(*reply);
    result_.sent += in_batch_;
    TRY_DONE(count(reply->body));
    result_.seconds = seconds_since(start_);
    show_progress(source_.progress(), result_, result_.seconds);
    body_.clear();
    in_batch_ = 0;
    return Done{};
  }

  // Safe to repeat: events that were taken the first time are recognised by their ids.
  Result<HttpReply> post() {
    for (int tries = 1;; ++tries) {
      auto reply = client_.post("/api/events/batch", body_);
      if (!reply || !too_busy(*reply) || tries == tries_max) return reply;
      std::this_thread::sleep_for(pause_before_retry);
    }
  }

  Result<> count(const std::string& body) {
    simdjson::dom::array results;
    if (parser_.parse(body)["results"].get(results) != simdjson::SUCCESS)
      return Problem(Error::malformed_json, "the answer to a batch has no results");
    for (const simdjson::dom::element result : results) count(result);
    return Done{};
  }

  void count(const simdjson::dom::element& result) {
    std::string_view status, reason;
    if (result["status"].get(status) != simdjson::SUCCESS) return;
    if (status == "submitted") ++result_.accepted;
    if (status == "duplicate") ++result_.duplicates;
    if (status != "rejected") return;
    ++result_.rejected;
    if (result_.first_rejection.empty() && result["reason"].get(reason) == simdjson::SUCCESS)
      result_.first_rejection = reason;
  }

  EventSource& source_;
  HttpClient& client_;
  uint64_t limit_;
  std::string body_;
  size_t in_batch_ = 0;
  SteadyClock::time_point start_;
  simdjson::dom::parser parser_;
  FeedResult result_;
};

}  // namespace

Result<FeedResult> feed(EventSource& source, HttpClient& client, uint64_t limit) {
  return Feeder(source, client, limit).run();
}

}  // namespace headrace
