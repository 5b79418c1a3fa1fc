// The payload of put and erase records.   payload := table:u8 value   (erase: no value)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

struct PutPayload {
  uint8_t table = 0;
  std::string_view value;
};

inline std::string put_payload(uint8_t table, std::string_view value) {
  std::string payload(1, static_cast<char>(table));
  return payload.append(value);
}

// Nothing where it is empty, which no writer of ours makes.
inline std::optional<PutPayload> parse_put_payload(std::string_view payload) {
  if (payload.empty()) return std::nullopt;
  return PutPayload{static_cast<uint8_t>(payload[0]), payload.substr(1)};
}

}  // namespace headrace
