// A seeded world for property tests: random definitions over a few words, and random events that use them.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "src/features/engine.h"
#include "src/features/row.h"
#include "tests/features/naive.h"

namespace world {

inline constexpr headrace::Micros noon = 1'759'233'600'000'000;  // Tuesday 2025-09-30 12:00 UTC

using headrace::Micros;
using headrace::features::Definition;
using naive::Fact;
using naive::Scalar;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(engine_); }
  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(engine_) < p; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

inline const std::vector<std::string> types = {"page_view", "product_view",    "view",     "add_to_cart",
                                               "cart",      "search",          "purchase", "buy",
                                               "signal",    "remove_from_cart"};
inline const std::vector<std::string> clauses = {"*",
                                                 "product_view",
                                                 "page_view",
                                                 "page_view[page_type=info]",
                                                 "page_view[page_type=product]",
                                                 "add_to_cart",
                                                 "remove_from_cart",
                                                 "purchase",
                                                 "*[region=eu]",
                                                 "search[quantity=2]",
                                                 "never_seen"};
inline const std::vector<std::string> numbers = {"price", "quantity", "value", "price*quantity", "flag"};
inline const std::vector<std::string> aggregates = {"count",   "sum",  "min",      "max",        "mean",
                                                    "first",   "last", "distinct", "time_since", "rate",
                                                    "seconds", "hour", "month",    "weekend"};
inline const std::vector<std::string> windows = {"all_time", "5m", "1h", "24h", "7d", "session"};

inline std::string random_events(Random& random, bool may_subtract) {
  std::string events = random.pick(clauses);
  while (random.chance(0.3)) events += " | " + random.pick(clauses);
  if (may_subtract && random.chance(0.4)) events += " | -" + random.pick(clauses);
  return events;
}

inline Definition definition(const std::string& entity, const std::string& name, const std::string& aggregate,
                             const std::string& window, Random& random) {
  bool subtracts = aggregate == "count" || aggregate == "sum";
  bool valueless = aggregate == "count" || aggregate == "time_since" || aggregate == "rate" ||
                   aggregate == "seconds" || aggregate == "hour" || aggregate == "month" ||
                   aggregate == "weekend";
  std::string value = aggregate == "distinct" ? random.pick<std::string>({"product_id", "region", "price"})
                      : valueless             ? ""
                                              : random.pick(numbers);
  return {entity, name, aggregate, random_events(random, subtracts), value, window, ""};
}

// Up to 60 definitions for users: every aggregate in a random window, and more at random.
inline std::vector<Definition> definitions(Random& random) {
  std::vector<Definition> all;
  for (size_t i = 0; i < 60; ++i) {
    const std::string& aggregate = i < aggregates.size() ? aggregates[i] : random.pick(aggregates);
    bool calendar = aggregate == "hour" || aggregate == "month" || aggregate == "weekend";
    std::string window = calendar ? "all_time" : random.pick(windows);
    all.push_back(definition("user", "f" + std::to_string(i), aggregate, window, random));
  }
  return all;
}

inline Scalar number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return {Scalar::number, value, text};
}

inline Scalar random_scalar(const std::string& field, Random& random) {
  if (random.chance(0.03)) return {Scalar::text, 0, "odd"};
  if (field == "page_type") return {Scalar::text, 0, random.pick<std::string>({"info", "product", "admin"})};
  if (field == "region") return {Scalar::text, 0, random.pick<std::string>({"eu", "us", "ap"})};
  if (field == "product_id") {
    std::string id = std::to_string(random.below(40));
    return random.chance(0.5) ? Scalar{Scalar::text, 0, id} : number(std::stod(id));
  }
  if (field == "flag" && random.chance(0.5)) return {Scalar::truth, 1, "true"};
  if (field == "flag" && random.chance(0.5)) return {Scalar::truth, 0, "false"};
  if (field == "quantity") return number(static_cast<double>(random.below(4)));
  if (random.chance(0.02)) return number(1e15);
  return number((static_cast<double>(random.below(40'000)) - 5'000) / 100);
}

// Steps of time on many scales, with ties, so that windows, sessions and instants all have edges.
inline Micros random_step(Random& random) {
  static const std::vector<Micros> steps = {
      0, 0, 1, 1'000'000, 60'000'000, 300'000'000, 1'800'000'000, 1'800'000'001, 3'600'000'000};
  if (random.chance(0.7)) return random.pick(steps);
  if (random.chance(0.1)) return static_cast<Micros>(random.below(86'400'000'000));
  return static_cast<Micros>(random.below(600'000'000));
}

inline std::vector<Fact> facts(size_t count, Random& random) {
  std::vector<Fact> all;
  Micros time = 1'600'000'000'000'000 + static_cast<Micros>(random.below(100'000'000'000'000));
  for (size_t i = 0; i < count; ++i) {
    Fact fact{time += random_step(random), random.pick(types), {}};
    for (std::string field : {"price", "quantity", "value", "page_type", "region", "product_id", "flag"}) {
      if (random.chance(0.6)) fact.fields[field] = random_scalar(field, random);
    }
    all.push_back(std::move(fact));
  }
  return all;
}

// The bytes of one user's row after some facts, folded in the order given.
class Folder {
 public:
  explicit Folder(std::shared_ptr<const headrace::features::Plan> plan) : plan_(plan), fields_(plan) {}

  void fold(const Fact& fact) {
    std::string data = fact.json();
    headrace::Event event;
    event.type = fact.type;
    event.time = fact.time;
    event.user = "u";
    event.data = data;
    fields_.extract(event, seen_);
    headrace::features::fold_row(kind(), seen_, row);
  }

  headrace::FeatureVector read(std::optional<Micros> as_of = std::nullopt) const {
    return headrace::features::read_row(kind(), row, as_of);
  }

  const headrace::features::KindPlan& kind() const { return plan_->kind(headrace::EntityKind::user); }

  headrace::RowBytes row;

 private:
  std::shared_ptr<const headrace::features::Plan> plan_;
  headrace::features::FieldIndex fields_;
  headrace::features::Observation seen_;
};

inline bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace world
