// The answer to many events: one verdict each, in their order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/event_json.h"
#include "codec/json.h"
#include "src/events/intake.h"

namespace headrace {

struct EventResult {
  std::string status;
  std::optional<std::string> event_id, field_name, reason;
  std::optional<int64_t> partition, offset, index;
  static constexpr auto shape() {
    return std::tuple{
        field("event_id", &EventResult::event_id, "As sent, or given by the server"),
        field("status", &EventResult::status, "What became of it",
              one_of("submitted", "duplicate", "rejected")),
        field("partition", &EventResult::partition, "Where it is logged"),
        field("offset", &EventResult::offset, "Its log sequence number there"),
        field("index", &EventResult::index, "Of a rejected event: its place in the batch, from 0"),
        field("field", &EventResult::field_name, "Of a rejected event: the field that broke a rule"),
        field("reason", &EventResult::reason, "Of a rejected event: the rule")};
  }
};

struct BatchAck {
  std::string status;
  int64_t count = 0;
  std::vector<EventResult> results;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &BatchAck::status, "partial if some were rejected", one_of("success", "partial")),
        field("count", &BatchAck::count, "Events on disk, duplicates among them"),
        field("results", &BatchAck::results, "One per event, in order")};
  }
};

// Written without a struct per event; BatchAck is what it looks like. `tenant`: whose credential brought the batch, or empty; `id`: of the
// message, as JSON text, or empty.
std::string write_ack(EventBatch& batch, const IngestedBatch& done, std::string_view tenant, std::string_view id = {});

}  // namespace headrace
