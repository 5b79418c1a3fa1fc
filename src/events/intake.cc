// A batch travels as one message per home; on the way an event is its log payload already.
#include "src/events/intake.h"

#include <cstring>
#include <memory>

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
  co_return co_await wait_acked(*shard, shard->ingest(*event, now, payload));
}

// The events of one batch that are at home on one shard.
struct Part {
  std::string payloads;             // each behind its length, a u32
  std::vector<uint32_t> positions;  // in the batch
  std::vector<Result<Appended>> results;
};

Task<Result<>> ingest_part(Shard* shard, Part* part, Micros now) {
  part->results.reserve(part->positions.size());
  shard->ingest_all(part->payloads, now, part->results);
  Lsn last = 0;
  for (auto& result : part->results)
    if (result.ok()) last = std::max(last, result->lsn);
  co_await shard->acked().at_least(last);
  co_return Done{};
}

Task<void> send_part(Shard* shard, Part* part, Micros now, Sequence* finished) {
  Result<> sent = co_await ask(shard->loop(), ingest_part, shard, part, now);
  if (!sent.ok()) part->results.assign(part->positions.size(), sent.problem());
  finished->advance(finished->value() + 1);
}

}  // namespace

Result<> complete(EventBatch& batch, EventBatch::Entry& entry, Micros now) {
  Event& event = entry.event;
  if (event.source == own_source)
    return Problem{Error::invalid_input, "source", "\"headrace\" names events of the server itself"};
  if (entry.has_time && event.time > now + limits::event_ahead_max_us)
    return Problem{Error::invalid_input, "timestamp", "must be at most a day ahead of the server's clock"};
  if (event.source.empty()) event.source = default_source;
  if (event.data.empty()) event.data = "{}";
  if (!entry.has_time) event.time = now;
  if (!entry.has_id) event.id = batch.keep("evt_" + make_token(thread_random(), 20));
  return Done{};
}

Task<Result<Appended>> ingest(Shards& shards, const Event& event, Micros now) {
  Shard& home = shards.home(event.routing_key());
  if (&home.loop() == Loop::current()) co_return co_await wait_acked(home, home.ingest(event, now));
  std::string payload;
  encode(event, payload);
  co_return co_await ask(home.loop(), ingest_payload, &home, std::move(payload), now);
}

Task<IngestedBatch> ingest_all(Shards& shards, EventBatch& batch, Micros now) {
  IngestedBatch out;
  auto& entries = batch.entries();
  out.verdicts.resize(entries.size());
  std::vector<Part> parts(shards.count());
  for (size_t i = 0; i < entries.size(); ++i) {
    auto& entry = entries[i];
    Result<> verdict = entry.problem < 0 ? complete(batch, entry, now) : Result<>(batch.problem_of(entry));
    Verdict& mine = out.verdicts[i];
    if (!verdict.ok()) {
      mine.problem = static_cast<int>(out.problems.size());
      out.problems.push_back(verdict.problem());
      continue;
    }
    Part& part = parts[home_of(entry.event.routing_key(), shards.partitions())];
    size_t length_at = part.payloads.size();
    part.payloads.append(sizeof(uint32_t), 0);
    encode(entry.event, part.payloads);
    auto length = static_cast<uint32_t>(part.payloads.size() - length_at - sizeof(uint32_t));
    std::memcpy(part.payloads.data() + length_at, &length, sizeof length);
    part.positions.push_back(static_cast<uint32_t>(i));
  }
  Sequence finished;
  uint64_t sent = 0;
  for (uint32_t p = 0; p < parts.size(); ++p) {
    if (parts[p].positions.empty()) continue;
    ++sent;
    spawn(send_part(&shards[p], &parts[p], now, &finished));
  }
  co_await finished.at_least(sent);
  for (Part& part : parts)
    for (size_t i = 0; i < part.positions.size(); ++i) {
      Verdict& mine = out.verdicts[part.positions[i]];
      if (part.results[i].ok()) {
        mine.appended = *part.results[i];
        ++out.accepted;
      } else {
        mine.problem = static_cast<int>(out.problems.size());
        out.problems.push_back(part.results[i].problem());
      }
    }
  co_return out;
}

}  // namespace headrace
