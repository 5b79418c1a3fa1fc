// Events: intake of one or many, and queries over what was taken in. System `stream`; `cart` documents the
// same paths.
#include <fmt/format.h>

#include "codec/scoped_key.h"
#include "codec/url.h"
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/events/batch_ack.h"
#include "routes/events/stored_event.h"
#include "routes/predictions/answer.h"
#include "routes/tables.h"
#include "src/events/intake.h"
#include "src/events/query.h"
#include "src/net/form.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

// --- shapes ------------------------------------------------------------------------------------------------

struct EventAck {
  std::string status, event_id, topic;
  int64_t partition = 0, offset = 0;
  std::optional<bool> duplicate;
  std::optional<CartAnswer> prediction;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &EventAck::status, "Always success: the event is on disk"),
        field("event_id", &EventAck::event_id, "As sent, or given by the server"),
        field("topic", &EventAck::topic, "events.<event_type>"),
        field("partition", &EventAck::partition, "Where it is logged"),
        field("offset", &EventAck::offset, "Its log sequence number there"),
        field("duplicate", &EventAck::duplicate,
              "True if this event_id was logged before: place of its first time"),
        field("prediction", &EventAck::prediction, "With ?predict=true: of the cart that the event names")};
  }
};

struct ListEvents {
  std::optional<std::string> event_type, user_id, cart_id, session_id, event_id, cursor;
  std::optional<Timestamp> start_time, end_time;
  int64_t limit = 100, offset = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("event_type", &ListEvents::event_type, "Only events of this type",
              length(1, limits::event_type_bytes_max)),
        field("start_time", &ListEvents::start_time, "Only events at or after this time"),
        field("end_time", &ListEvents::end_time, "Only events before this time"),
        field("user_id", &ListEvents::user_id, "Only events of this user", length(1, limits::key_bytes_max)),
        field("cart_id", &ListEvents::cart_id, "Only events that name this cart",
              length(1, limits::key_bytes_max)),
        field("session_id", &ListEvents::session_id, "Only events of this session",
              length(1, limits::key_bytes_max)),
        field("event_id", &ListEvents::event_id, "Only the event of this id",
              length(1, limits::event_id_bytes_max)),
        field("limit", &ListEvents::limit, "Events in one answer", between(1, limits::page_limit_max),
              optional_field),
        field("offset", &ListEvents::offset, "Matches to leave out first",
              between(0, limits::page_offset_max), optional_field),
        field("cursor", &ListEvents::cursor, "next_cursor of the page before", length(1, 4096))};
  }
};

struct LostRecords {
  int64_t partition = 0, first_lsn = 0, last_lsn = 0;
  static constexpr auto shape() {
    return std::tuple{field("partition", &LostRecords::partition, "Where they were logged"),
                      field("first_lsn", &LostRecords::first_lsn, "The first that is lost"),
                      field("last_lsn", &LostRecords::last_lsn, "The last that is lost")};
  }
};

struct EventList {
  std::vector<StoredEvent> events;
  std::optional<std::vector<LostRecords>> holes;
  int64_t count = 0, limit = 0, offset = 0;
  std::optional<std::string> next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("events", &EventList::events, "In the order in which they were taken in"),
                      field("holes", &EventList::holes,
                            "Records in the range of this answer that were lost and accepted to be lost (log repair)"),
                      field("count", &EventList::count, "Events in this answer"),
                      field("limit", &EventList::limit, "As asked"),
                      field("offset", &EventList::offset, "As asked"),
                      field("next_cursor", &EventList::next_cursor, "There may be more: where to go on")};
  }
};

// --- handlers ----------------------------------------------------------------------------------------------

Result<bool> wants_prediction(const Request& request) {
  bool wanted = false;
  std::string_view query = request.query, name, value;
  while (next_parameter(query, name, value)) {
    if (name != "predict") continue;
    if (value != "true" && value != "false")
      return Problem{Error::invalid_input, "predict", "must be true or false"};
    wanted = value == "true";
  }
  return wanted;
}

// What is needed of one event once it was logged.
Result<EventAck> begin_ack(Call& call, EventBatch& batch, Micros now) {
  Result<> read = batch.read_one(call.request().body);
  if (read.ok() && batch.entries()[0].problem >= 0) read = batch.problem_of(batch.entries()[0]);
  if (read.ok()) read = complete(batch, batch.entries()[0], call.caller.tenant.view(), now);
  if (!read.ok()) return read.problem();
  const Event& event = batch.entries()[0].event;
  EventAck ack;
  ack.status = "success";
  ack.event_id = key_in(event.id);
  ack.topic.append("events.").append(event.type);
  return ack;
}

Task<Result<EventAck>> ingest_event(Call& call) {
  auto batch = call.here.batches.take(call.request().body.size());
  Micros now = call.app.clock.wall();
  Result<bool> predict = wants_prediction(call.request());
  if (!predict.ok()) co_return predict.problem();
  Result<EventAck> ack = begin_ack(call, *batch, now);
  if (!ack.ok()) {
    ++call.here.intake_refused;
    co_return ack.problem();
  }
  std::string cart(*predict ? batch->entries()[0].event.cart : std::string_view());
  if (*predict && cart.empty())
    co_return Problem{Error::invalid_input, "data.cart_id", "is needed for predict=true"};
  Result<Appended> appended = co_await ingest(call.app.shards, std::move(batch), now);
  if (!appended.ok()) co_return appended.problem();
  ack->partition = appended->partition;
  ack->offset = static_cast<int64_t>(appended->lsn);
  if (appended->duplicate) ack->duplicate = true;
  if (*predict) {
    Result<CartAnswer> prediction = co_await predict_cart(call.app, std::move(cart), {});
    if (!prediction.ok()) co_return prediction.problem();
    ack->prediction = std::move(*prediction);
  }
  call.here.intake.observe(call.app.clock.monotonic() - call.started);
  co_return ack;
}

bool is_lines(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  return type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl";
}

// What a batch came as: the whole body, or the one file of a form.
struct SentEvents {
  std::string_view text;
  bool lines;
};

Result<SentEvents> sent_events(std::string_view content_type, std::string_view body) {
  if (!is_form(content_type)) return SentEvents{body, is_lines(content_type)};
  auto parts = parse_form(content_type, body);
  if (!parts.ok()) return parts.problem();
  if (parts->size() != 1 || parts->front().name != "file")
    return Problem{Error::invalid_input, "file", "must be the one field of the form"};
  const FormPart& file = parts->front();
  const bool named_lines = file.filename.ends_with(".ndjson") || file.filename.ends_with(".jsonl");
  return SentEvents{file.content, named_lines || is_lines(file.content_type)};
}

Result<> read_batch(const Request& request, EventBatch& batch) {
  auto sent = sent_events(request.headers.known(Known::content_type), request.body);
  if (!sent.ok()) return sent.problem();
  return sent->lines ? batch.read_lines(sent->text) : batch.read_array(sent->text);
}

Task<Result<Page>> ingest_events(Call& call) {
  auto batch = call.here.batches.take(call.request().body.size());
  Result<> read = read_batch(call.request(), *batch);
  if (!read.ok()) {
    ++call.here.intake_refused;
    co_return read.problem();
  }
  const int64_t most = call.here.settings->integer(SettingId::events_batch_max, call.caller.tenant.view());
  if (static_cast<int64_t>(batch->entries().size()) > most) {
    ++call.here.intake_refused;
    co_return Problem{Error::invalid_input, "events", fmt::format("a batch may bring at most {}", most)};
  }
  IngestedBatch done = co_await ingest_all(call.app.shards, *batch, call.caller.tenant.view(), call.app.clock.wall());
  call.here.intake_refused += done.problems.size();
  call.here.intake.observe(call.app.clock.monotonic() - call.started);
  // Nothing was taken, and not because of what was sent: say so with the status, so that producers try again.
  if (done.accepted == 0 && !done.problems.empty() && row_of(done.problems[0].error).status >= 500)
    co_return done.problems[0];
  co_return Page{write_ack(*batch, done, call.caller.tenant.view())};
}

EventFilter filter_of(const ListEvents& want, std::string_view tenant) {
  EventFilter filter = events_of(tenant, want.user_id, want.session_id, want.cart_id);
  filter.type = want.event_type.value_or(""), filter.id = scoped(tenant, want.event_id.value_or(""));
  if (want.start_time) filter.start = want.start_time->us;
  if (want.end_time) filter.end = want.end_time->us;
  return filter;
}

std::string effort_text(const EventPage& page, Micros took_us) {
  return fmt::format("log;desc=\"frames {} of {}, records {}\";dur={:.3f}", page.frames_read,
                     page.frames_seen, page.records_read, static_cast<double>(took_us) / 1000);
}

Task<Result<EventList>> list_events(Call& call, ListEvents want) {
  App& app = call.app;
  EventQuery query;
  query.filter = filter_of(want, call.caller.tenant.view());
  query.limit = static_cast<size_t>(want.limit), query.offset = static_cast<size_t>(want.offset);
  query.from.assign(app.shards.count(), 1);
  if (want.cursor) {
    auto position = parse_cursor(*want.cursor, app.shards.count());
    if (!position) co_return Problem{Error::invalid_input, "cursor", "is not a next_cursor of this server"};
    query.from = *position;
  }
  for (uint32_t p = 0; p < app.shards.count(); ++p)
    query.through.push_back(app.shards[p].durable_lsn_any_thread());
  auto run = [](Shards* shards, EventQuery its) {
    return run_query(shards->directory(), its, shards->raw_indexes());
  };
  Micros started = app.clock.monotonic();
  Result<EventPage> page = co_await offload(app.workers, run, &app.shards, std::move(query));
  if (!page.ok()) co_return page.problem();
  call.add_header("Server-Timing", effort_text(*page, app.clock.monotonic() - started));
  EventList out;
  for (auto& found : page->events) out.events.push_back(stored(found));
  out.count = static_cast<int64_t>(out.events.size()), out.limit = want.limit, out.offset = want.offset;
  if (page->more) out.next_cursor = cursor_text(page->next);
  if (!page->holes.empty()) out.holes.emplace();
  for (const PageHole& hole : page->holes)
    out.holes->push_back({hole.partition, static_cast<int64_t>(hole.first), static_cast<int64_t>(hole.last)});
  co_return out;
}

constexpr Route events_table[] = {
    {Method::POST,
     "/api/events",
     allow(Role::service).with(Scope::events_write),
     handler<ingest_event>,
     {.summary = "Take in one event; answered when it is on disk", .body = "application/json"}},
    {Method::POST,
     "/api/events/batch",
     allow(Role::service).with(Scope::events_write),
     handler<ingest_events>,
     {.summary = "Take in many events; each gets its own verdict",
      .body = "application/json,application/x-ndjson,multipart/form-data",
      .answer = &type_of<BatchAck>(),
      .counted = Counted::batch}},
    {Method::GET,
     "/api/events",
     allow(Role::service).with(Scope::events_read),
     handler<list_events>,
     {.summary = "Events in the order in which they were taken in"}},
};
static_assert(well_formed(events_table));

}  // namespace

RouteTable routes::events() { return {System::stream, events_table}; }

}  // namespace headrace
