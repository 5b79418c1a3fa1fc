// Charge: what an account pays for. An event of the server's own that names the account as its user says at the front of
// its data what it cost:
//
//   {"charged_credits":2, ...
//
// What was paid in a partition is the sum over its log, a row per account, so that a charge is exactly as durable as what
// was paid for.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "codec/event.h"
#include "storage/rows.h"

namespace headrace {

// Events that the server itself logs name this source; they are history, not behaviour, and fold into no
// feature.
inline constexpr std::string_view own_source = "headrace";

inline constexpr uint8_t credit_table = 249;  // of rows: UUID of the account -> credits paid here, i64
inline constexpr std::string_view charge_mark = R"({"charged_credits":)";

struct Charge {
  std::string_view account;
  int64_t credits = 0;
};

inline std::optional<Charge> charge_of(const Event& event) {
  if (event.source != own_source || event.user.empty() || !event.data.starts_with(charge_mark)) return std::nullopt;
  Charge charge{event.user, 0};
  const char* number = event.data.data() + charge_mark.size();
  if (std::from_chars(number, event.data.data() + event.data.size(), charge.credits).ec != std::errc()) return std::nullopt;
  return charge;
}

inline int64_t credits_paid(const Row* row) {
  int64_t paid = 0;
  if (row != nullptr && row->bytes.size() == sizeof paid) std::memcpy(&paid, row->bytes.data(), sizeof paid);
  return paid;
}

}  // namespace headrace
