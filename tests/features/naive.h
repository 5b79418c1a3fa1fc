// Features computed the slow way, from the whole list of events and the texts of a definition. Shares no code
// with the engine but the names of fields and limits.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "src/base/limits.h"
#include "src/features/definition.h"

namespace naive {

using headrace::Micros;
using headrace::features::Definition;

struct Scalar {
  enum { number, truth, text } kind = number;
  double value = 0;
  std::string words;

  std::string json() const { return kind == text ? '"' + words + '"' : words; }
  std::optional<double> as_number() const {
    return kind == text ? std::nullopt : std::optional<double>(value);
  }
};

struct Fact {
  Micros time = 0;
  std::string type;
  std::map<std::string, Scalar> fields;

  std::string json() const {
    std::string out = "{\"user_id\":\"u\"";
    for (auto& [name, scalar] : fields) out += ",\"" + name + "\":" + scalar.json();
    return out + "}";
  }
};

inline double nan() { return std::numeric_limits<double>::quiet_NaN(); }

inline std::string meant(const std::string& type) {
  if (type == "view" || type == "pv" || type == "item_viewed") return "product_view";
  if (type == "cart") return "add_to_cart";
  if (type == "buy") return "purchase";
  if (type == "fav") return "wishlist_add";
  return type;
}

inline bool clause_matches(std::string clause, const Fact& fact) {
  std::string field, text;
  if (size_t open = clause.find('['); open != clause.npos) {
    size_t equals = clause.find('=');
    field = clause.substr(open + 1, equals - open - 1);
    text = clause.substr(equals + 1, clause.size() - equals - 2);
    clause = clause.substr(0, open);
  }
  if (clause != "*" && meant(clause) != meant(fact.type)) return false;
  if (field.empty()) return true;
  auto found = fact.fields.find(field);
  return found != fact.fields.end() && found->second.words == text;
}

// +1, -1, or 0 where no clause matches.
inline int sign(const Definition& definition, const Fact& fact) {
  int result = 0;
  std::string rest = definition.events + " | ";
  for (size_t bar; (bar = rest.find(" | ")) != rest.npos; rest = rest.substr(bar + 3)) {
    std::string clause = rest.substr(0, bar);
    bool minus = clause[0] == '-';
    if (!clause_matches(minus ? clause.substr(1) : clause, fact)) continue;
    if (!minus) return 1;
    result = -1;
  }
  return result;
}

inline std::optional<double> field_number(const std::string& name, const Fact& fact) {
  auto found = fact.fields.find(name);
  if (found != fact.fields.end() && found->second.as_number()) return found->second.as_number();
  return name == "quantity" ? std::optional<double>(1) : std::nullopt;
}

inline std::optional<double> value(const Definition& definition, const Fact& fact) {
  size_t star = definition.value.find('*');
  std::optional<double> result = field_number(definition.value.substr(0, star), fact);
  if (result && star != definition.value.npos) {
    std::optional<double> times = field_number(definition.value.substr(star + 1), fact);
    result = times ? std::optional<double>(*result * *times) : std::nullopt;
  }
  if (result && std::fabs(*result) > 9e12) return std::nullopt;
  return result;
}

// All facts in order of time, and the part of them that a definition's window takes, at one as-of time.
struct Scene {
  std::vector<Fact> all;  // sorted by time
  Micros as_of = 0;

  Micros since(const std::string& window) const {
    if (window == "5m") return as_of - 300'000'000LL;
    if (window == "1h") return as_of - 3'600'000'000LL;
    if (window == "24h") return as_of - 86'400'000'000LL;
    if (window == "7d") return as_of - 7 * 86'400'000'000LL;
    Micros start = as_of;  // of the session
    for (auto fact = all.rbegin(); fact != all.rend(); ++fact) {
      if (fact->time > as_of) continue;
      if (start - fact->time > 1'800'000'000LL) break;
      start = fact->time;
    }
    return start - 1;
  }

  std::vector<Fact> in(const std::string& window) const {
    if (window == "all_time") return all;
    std::vector<Fact> some;
    for (const Fact& fact : all) {
      if (fact.time > since(window) && fact.time <= as_of) some.push_back(fact);
    }
    return some;
  }
};

inline double round_sum(const std::vector<double>& values) {
  long double sum = 0;  // whole numbers below 2^63, exact
  for (double value : values) sum += std::rint(value * 1e6);
  return static_cast<double>(sum) / 1e6;
}

inline double dwell(const Definition& definition, const std::vector<Fact>& facts) {
  Micros sum = 0;
  std::map<Micros, bool> instants;
  for (const Fact& fact : facts) instants[fact.time] |= sign(definition, fact) > 0;
  for (auto at = instants.begin(); at != instants.end(); ++at) {
    auto next = std::next(at);
    if (next != instants.end() && at->second)
      sum += std::min<Micros>(next->first - at->first, 1'800'000'000LL);
  }
  return static_cast<double>(sum) / 1e6;
}

inline double calendar(const std::string& aggregate, Micros time) {
  time_t seconds = static_cast<time_t>(std::floor(static_cast<double>(time) / 1e6));
  tm parts{};
  gmtime_r(&seconds, &parts);
  if (aggregate == "hour") return parts.tm_hour;
  if (aggregate == "month") return parts.tm_mon + 1;
  return parts.tm_wday == 0 || parts.tm_wday == 6;
}

inline double rate(const Scene& scene, const std::string& window, double count) {
  Micros since = window == "all_time"  ? (scene.all.empty() ? scene.as_of : scene.all.front().time)
                 : window == "session" ? scene.since(window) + 1
                                       : scene.since(window);
  return count * 60 / (static_cast<double>(std::max<Micros>(scene.as_of - since, 60'000'000)) / 1e6);
}

inline double feature(const Definition& d, const Scene& scene) {
  std::vector<Fact> facts = scene.in(d.window);
  double count = 0;
  std::vector<double> values, signed_values;
  std::map<Micros, std::vector<double>> at_time;
  std::set<std::string> different;
  std::optional<Micros> latest;
  for (const Fact& fact : facts) {
    int s = sign(d, fact);
    if (s == 0) continue;
    count += s;
    latest = fact.time;
    if (auto found = fact.fields.find(d.value); found != fact.fields.end())
      different.insert(found->second.words);
    if (d.value.empty()) continue;
    if (auto v = value(d, fact)) {
      values.push_back(*v);
      signed_values.push_back(s * *v);
      at_time[fact.time].push_back(*v);
    }
  }
  const std::string& a = d.aggregate;
  if (a == "count") return count;
  if (a == "sum") return round_sum(signed_values);
  if (a == "distinct") return static_cast<double>(different.size());
  if (a == "rate") return rate(scene, d.window, count);
  if (a == "seconds") return dwell(d, facts);
  if (a == "hour" || a == "month" || a == "weekend") return latest ? calendar(a, *latest) : nan();
  if (a == "time_since") {
    return latest ? static_cast<double>(std::max<Micros>(0, scene.as_of - *latest)) / 1e6 : nan();
  }
  if (values.empty()) return nan();
  if (a == "mean") return round_sum(values) / static_cast<double>(values.size());
  if (a == "min") return *std::min_element(values.begin(), values.end());
  if (a == "max") return *std::max_element(values.begin(), values.end());
  auto& [first_time, firsts] = *at_time.begin();
  auto& [last_time, lasts] = *at_time.rbegin();
  if (a == "first") return *std::min_element(firsts.begin(), firsts.end());
  return *std::max_element(lasts.begin(), lasts.end());
}

}  // namespace naive
