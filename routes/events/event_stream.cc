// GET /events/stream: events in and durable events out over a WebSocket. System `cart`. docs/websocket.md has the messages.
#include <fmt/format.h>

#include <memory>

#include "codec/content_coding.h"
#include "routes/events/batch_ack.h"
#include "routes/events/stored_event.h"
#include "routes/kit/app.h"
#include "routes/kit/socket.h"
#include "routes/tables.h"
#include "src/events/event_tail.h"
#include "src/runtime/timer.h"

namespace headrace {
namespace {

struct Subscribe {
  std::optional<std::string> event_type, user_id, cart_id, session_id, from;
  static constexpr auto shape() {
    return std::tuple{
        field("event_type", &Subscribe::event_type, "Only events of this type", length(1, limits::event_type_bytes_max)),
        field("user_id", &Subscribe::user_id, "Only events of this user", length(1, limits::key_bytes_max)),
        field("cart_id", &Subscribe::cart_id, "Only events that name this cart", length(1, limits::key_bytes_max)),
        field("session_id", &Subscribe::session_id, "Only events of this session", length(1, limits::key_bytes_max)),
        field("from", &Subscribe::from, "A next_cursor, or \"start\"; without it only events that come now",
              length(1, 4096))};
  }
};

struct Subscribed {
  std::string status, next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("status", &Subscribed::status, "subscribed"),
                      field("next_cursor", &Subscribed::next_cursor, "Where it begins")};
  }
};

struct FoundEvents {
  std::vector<StoredEvent> events;
  std::string next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("events", &FoundEvents::events, "Durable events that match"),
                      field("next_cursor", &FoundEvents::next_cursor, "Where to go on: \"from\" of another subscription")};
  }
};

std::string with_id(std::string_view id, std::string object) {
  if (!id.empty()) object.insert(1, fmt::format("\"id\":{},", id));
  return object;
}

struct Subscription {
  std::string id;   // of the message that asked, as JSON text
  uint64_t number;  // of that message: nothing is sent before its answer
  EventTail tail;
};

// One open stream. Tasks share it with its connection.
class EventStream final : public CallerSession, public std::enable_shared_from_this<EventStream> {
 public:
  explicit EventStream(const Call& call) : CallerSession(call), request_id_(call.id.view()) {}

  void message(const SocketMessage& message, Exchange exchange) override;
  void closed() override { subscription_.reset(); }

 private:
  Result<> read(const SocketMessage& message, EventBatch& batch, StreamMessage& asked);
  Result<> take_rate(Counted as) const;
  Result<std::string> request(const StreamMessage& asked, uint64_t number);
  Result<std::string> subscribe(const StreamMessage& asked, uint64_t number);
  std::string problem_text(const Problem& problem, std::string_view id) const;
  std::vector<Lsn> durable() const;
  static Task<void> take_in(std::shared_ptr<EventStream> self, EventBatches::Lease batch, std::string id,
                            Exchange exchange);
  static Task<void> follow(std::shared_ptr<EventStream> self, std::shared_ptr<Subscription> its, Gate::Pass pass);
  bool follows(const std::shared_ptr<Subscription>& its) const { return subscription_ == its && !socket_.gone(); }
  bool may_read(const Subscription& its, const std::vector<Lsn>& through) const;

  std::string request_id_;  // of the handshake
  std::shared_ptr<Subscription> subscription_;
};

// --- messages ----------------------------------------------------------------------------------------------

constexpr std::string_view zstd_mark = "\x28\xb5\x2f\xfd";  // RFC 8878 section 3.1.1

Result<> EventStream::read(const SocketMessage& message, EventBatch& batch, StreamMessage& asked) {
  if (message.text) return batch.read_message(message.data, asked);
  if (!message.data.starts_with(zstd_mark)) return batch.read_lines(message.data);
  std::string lines;
  TRY_DONE(decode_content("zstd", message.data, limits::body_bytes_max, lines));
  return batch.read_lines(lines);
}

void EventStream::message(const SocketMessage& message, Exchange exchange) {
  if (!permitted()) return exchange.answer({.body = problem_text(Error::authentication_required, {})});  // tick() closes it
  auto batch = here_.batches.take(message.data.size());
  StreamMessage asked;
  Result<> taken = read(message, *batch, asked);
  here_.intake_refused += !taken.ok();
  bool brings = taken.ok() && asked.subscribe.empty() && asked.unsubscribe.empty();
  if (taken.ok()) taken = take_rate(brings && batch->entries().size() > 1 ? Counted::batch : Counted::as_any);
  if (taken.ok() && brings)
    return spawn(take_in(shared_from_this(), std::move(batch), std::move(asked.id), std::move(exchange)));
  Result<std::string> answer = taken.ok() ? request(asked, message.number) : taken.problem();
  exchange.answer({.body = answer.ok() ? *answer : problem_text(answer.problem(), asked.id)});
}

// A message counts as the request would that it stands for.
Result<> EventStream::take_rate(Counted as) const {
  RateState state = take_rates(System::stream, as);
  return state.verdict.allowed ? Result<>(Done{}) : too_often(state);
}

std::string EventStream::problem_text(const Problem& problem, std::string_view id) const {
  return with_id(id, format_problem(System::cart, problem, request_id_, app_.clock.wall()).body);
}

Task<void> EventStream::take_in(std::shared_ptr<EventStream> self, EventBatches::Lease batch, std::string id,
                                Exchange exchange) {
  App& app = self->app_;
  Micros started = app.clock.monotonic();
  IngestedBatch done = co_await ingest_all(app.shards, *batch, self->tenant(), app.clock.wall());
  self->here_.intake_refused += done.problems.size();
  self->here_.intake.observe(app.clock.monotonic() - started);
  // Nothing was taken, and not because of what was sent: the producer is to try again.
  bool refused = done.accepted == 0 && !done.problems.empty() && row_of(done.problems[0].error).status >= 500;
  std::string text = refused ? self->problem_text(done.problems[0], id) : write_ack(*batch, done, self->tenant(), id);
  exchange.answer({.body = text});
}

// --- subscriptions -----------------------------------------------------------------------------------------

std::vector<Lsn> EventStream::durable() const {
  std::vector<Lsn> out;
  for (uint32_t p = 0; p < app_.shards.count(); ++p) out.push_back(app_.shards[p].durable_lsn_any_thread());
  return out;
}

Result<std::string> EventStream::request(const StreamMessage& asked, uint64_t number) {
  if (!asked.subscribe.empty()) return subscribe(asked, number);
  if (!subscription_) return Problem{Error::invalid_input, "unsubscribe", "there is no subscription"};
  subscription_.reset();
  return with_id(asked.id, R"({"status":"unsubscribed"})");
}

EventFilter filter_of(const Subscribe& want, std::string_view tenant) {
  EventFilter filter = events_of(tenant, want.user_id, want.session_id, want.cart_id);
  filter.type = want.event_type.value_or("");
  return filter;
}

Result<std::string> EventStream::subscribe(const StreamMessage& asked, uint64_t number) {
  if (subscription_) return Problem{Error::conflict, "subscribe", "there is a subscription already; unsubscribe first"};
  auto want = from_json<Subscribe>(asked.subscribe);
  if (!want.ok()) return want.problem();
  std::vector<Lsn> position = durable();
  for (Lsn& lsn : position) ++lsn;
  if (want->from == "start") {
    position.assign(position.size(), 1);
  } else if (want->from) {
    auto given = parse_cursor(*want->from, position.size());
    if (!given) return Problem{Error::invalid_input, "subscribe.from", "is neither a next_cursor of this server nor \"start\""};
    position = *given;
  }
  if (here_.followers.inside() >= limits::subscriptions_max)
    return Problem{Error::overloaded, "subscribe", "there are too many subscriptions; try again later"};
  auto pass = here_.followers.enter();
  if (!pass) return Error::shutting_down;
  Subscribed answer{"subscribed", cursor_text(position)};
  subscription_ = std::make_shared<Subscription>(Subscription{
      asked.id, number,
      EventTail(app_.shards.directory(), app_.shards.raw_indexes(), filter_of(*want, tenant()), std::move(position))});
  spawn(follow(shared_from_this(), subscription_, std::move(*pass)));
  return with_id(asked.id, to_json(answer));
}

std::string text_of(EventPage& page, std::string_view id) {
  FoundEvents out;
  for (auto& found : page.events) out.events.push_back(stored(found));
  out.next_cursor = cursor_text(page.next);
  return with_id(id, to_json(out));
}

// The log waits for a slow reader: nothing is kept for it but one message.
bool EventStream::may_read(const Subscription& its, const std::vector<Lsn>& through) const {
  return socket_.answered() >= its.number && socket_.queued_bytes() < limits::tail_queue_bytes_max &&
         its.tail.behind(through);
}

Task<void> EventStream::follow(std::shared_ptr<EventStream> self, std::shared_ptr<Subscription> its, Gate::Pass) {
  auto read = [](EventTail* tail, std::vector<Lsn> through) { return tail->read(through); };
  co_await sleep(0);  // the answer goes first
  while (self->follows(its)) {
    std::vector<Lsn> through = self->durable();
    bool more = false;
    if (self->may_read(*its, through)) {
      Result<EventPage> page = co_await offload(self->app_.workers, read, &its->tail, std::move(through));
      bool busy = !page.ok() && page.problem().error == Error::overloaded;
      if (!self->follows(its)) break;
      if (!page.ok() && !busy) {
        self->socket_.send(self->problem_text(page.problem(), its->id));
        self->subscription_.reset();
        break;
      }
      std::string text = page.ok() && !page->events.empty() ? text_of(*page, its->id) : std::string();
      while (!text.empty() && self->follows(its) && self->socket_.send(text) == Sent::full)
        co_await sleep(limits::tail_period_us);
      more = page.ok() && page->more;
    }
    if (!more) co_await sleep(limits::tail_period_us);
  }
}

Result<std::shared_ptr<SocketSession>> stream_events(Call& call) {
  return std::shared_ptr<SocketSession>(std::make_shared<EventStream>(call));
}

constexpr Route event_stream_table[] = {
    {Method::GET,
     "/events/stream",
     allow(Role::service).with(Scope::events_read).with(Scope::events_write),
     socket<stream_events>,
     {.summary = "A WebSocket: events in, each message answered when they are on disk; durable events out, if asked for"}},
};
static_assert(well_formed(event_stream_table));

}  // namespace

RouteTable routes::event_stream() { return {System::cart, event_stream_table}; }

}  // namespace headrace
