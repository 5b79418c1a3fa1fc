// A batch travels as one message per home; on the way an event is its log payload already.
#include "src/events/intake.h"

#include <cstring>
#include <memory>

#include "codec/scoped_key.h"
#include "codec/varint.h"
#include "src/base/random.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

constexpr std::string_view default_source = "producer-service";

Task<Result<Appended>> wait_acked(Shard& shard, Result<Appended> appended) {
  if (appended.ok()) co_await shard.acked().at_least(appended->lsn);
  co_return appended;
}

Task<Result<Appended>> ingest_payload(Shard* shard, std::string payload, Micros now) {
  auto event = decode_event(payload);
  if (!event.ok()) co_return event.problem();
  Turn turn = shard->turn(*event, payload);
  co_await turn;
  co_return co_await wait_acked(*shard, shard->ingest(turn.arrival, now));
}

// The events of one batch that are at home on one shard; it writes the verdicts. Where that is on another loop they
// travel as their payloads.
struct Part {
  EventBatch* batch;
  IngestedBatch* out;
  std::vector<uint32_t> positions;  // in the batch
  std::string payloads = {};        // each behind its length, a u32; none for a shard of this loop
  std::vector<Problem> problems = {};
  size_t taken = 0, settled = 0, read = 0;
  Lsn last = 0;

  void send(const Event& event);
  bool next(Arrival& arrival);
  void settle(const Result<Appended>& result);
};

void Part::send(const Event& event) {
  size_t length_at = payloads.size();
  payloads.append(sizeof(uint32_t), 0);
  encode(event, payloads);
  auto length = static_cast<uint32_t>(payloads.size() - length_at - sizeof(uint32_t));
  std::memcpy(payloads.data() + length_at, &length, sizeof length);
}

bool Part::next(Arrival& arrival) {
  if (taken == positions.size()) return false;
  uint32_t position = positions[taken++];
  arrival.payload = {};
  if (payloads.empty()) {
    arrival.event = batch->entries()[position].event;
    return true;
  }
  Taker taker(std::string_view(payloads).substr(read));
  arrival.payload = taker.bytes(taker.fixed<uint32_t>());
  auto event = decode_event(arrival.payload);
  CHECK(!taker.failed() && event.ok());
  arrival.event = *event;
  read = payloads.size() - taker.rest().size();
  return true;
}

void Part::settle(const Result<Appended>& result) {
  Verdict& verdict = out->verdicts[positions[settled++]];
  if (result.ok()) {
    verdict.appended = *result;
    last = std::max(last, result->lsn);
  } else {
    verdict.problem = static_cast<int>(problems.size());
    problems.push_back(result.problem());
  }
}

Task<Result<>> ingest_part(Shard* shard, Part* part, Micros now) {
  shard->ingest_all(*part, now);
  co_await shard->acked().at_least(part->last);
  co_return Done{};
}

Task<void> send_part(Shard* shard, Part* part, Micros now, Sequence* finished) {
  Result<> sent = co_await ask(shard->loop(), ingest_part, shard, part, now);
  while (!sent.ok() && part->settled < part->positions.size()) part->settle(sent.problem());
  finished->advance(finished->value() + 1);
}

// What went wrong in the part, counted among the problems of all.
void collect(Part& part, IngestedBatch& out) {
  out.accepted += part.positions.size() - part.problems.size();
  if (part.problems.empty()) return;
  for (uint32_t position : part.positions)
    if (Verdict& verdict = out.verdicts[position]; verdict.problem >= 0)
      out.refuse(verdict, part.problems[static_cast<size_t>(verdict.problem)]);
}

void scope(EventBatch& batch, Event& event, std::string_view tenant) {
  for (std::string_view* key : {&event.id, &event.user, &event.session, &event.cart})
    if (!key->empty()) *key = batch.keep(scoped(tenant, *key));
}

}  // namespace

Result<> complete(EventBatch& batch, EventBatch::Entry& entry, std::string_view tenant, Micros now) {
  Event& event = entry.event;
  if (event.source == own_source)
    return Problem{Error::invalid_input, "source", "\"headrace\" names events of the server itself"};
  if (entry.has_time && event.time > now + limits::event_ahead_max_us)
    return Problem{Error::invalid_input, "timestamp", "must be at most a day ahead of the server's clock"};
  if (event.source.empty()) event.source = default_source;
  if (event.data.empty()) event.data = "{}";
  if (!entry.has_time) event.time = now;
  if (!entry.has_id) event.id = batch.keep("evt_" + make_token(thread_random(), 20));
  if (!tenant.empty()) scope(batch, event, tenant);
  return Done{};
}

Task<Result<Appended>> ingest(Shards& shards, EventBatches::Lease batch, Micros now) {
  const Event& event = batch->entries()[0].event;
  Shard& home = shards.home(event.routing_key());
  if (&home.loop() == Loop::current()) {
    Turn turn = home.turn(event);
    co_await turn;
    Result<Appended> appended = home.ingest(turn.arrival, now);
    batch.reset();
    co_return co_await wait_acked(home, std::move(appended));
  }
  std::string payload;
  encode(event, payload);
  batch.reset();
  co_return co_await ask(home.loop(), ingest_payload, &home, std::move(payload), now);
}

void IngestedBatch::refuse(Verdict& verdict, const Problem& problem) {
  verdict.problem = static_cast<int>(problems.size());
  problems.push_back(problem);
}

Task<IngestedBatch> ingest_all(Shards& shards, EventBatch& batch, std::string_view tenant, Micros now) {
  IngestedBatch out;
  auto& entries = batch.entries();
  out.verdicts.resize(entries.size());
  std::vector<Part> parts(shards.count(), Part{&batch, &out, {}});
  for (size_t i = 0; i < entries.size(); ++i) {
    auto& entry = entries[i];
    Result<> verdict = entry.problem < 0 ? complete(batch, entry, tenant, now) : Result<>(batch.problem_of(entry));
    if (!verdict.ok()) {
      out.refuse(out.verdicts[i], verdict.problem());
      continue;
    }
    uint32_t home = home_of(entry.event.routing_key(), shards.partitions());
    parts[home].positions.push_back(static_cast<uint32_t>(i));
    if (&shards[home].loop() != Loop::current()) parts[home].send(entry.event);
  }
  Sequence finished;
  uint64_t sent = 0;
  for (uint32_t p = 0; p < parts.size(); ++p) {
    if (parts[p].positions.empty()) continue;
    ++sent;
    spawn(send_part(&shards[p], &parts[p], now, &finished));
  }
  co_await finished.at_least(sent);
  for (Part& part : parts) collect(part, out);
  co_return out;
}

}  // namespace headrace
