// Change: what a mutation does: documents put or erased, events emitted. Absolute effects, one partition, one
// batch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"

namespace headrace {

struct Change {
  struct Effect {
    Kind kind = Kind::put;
    uint8_t version = 1;
    uint8_t table = 0;  // of put and erase
    std::string key;    // document key, or the partition key of an event
    std::string bytes;  // document value, or the event's payload
  };
  std::vector<Effect> effects;  // in this order they become records

  void put(uint8_t table, std::string_view key, std::string_view value, uint8_t version = 1) {
    effects.push_back({Kind::put, version, table, std::string(key), std::string(value)});
  }
  void erase(uint8_t table, std::string_view key) {
    effects.push_back({Kind::erase, 1, table, std::string(key), {}});
  }
  // `kind` is event, fold or control.
  void emit(Kind kind, uint8_t version, std::string_view key, std::string_view payload) {
    effects.push_back({kind, version, 0, std::string(key), std::string(payload)});
  }
  bool empty() const { return effects.empty(); }
};

}  // namespace headrace
