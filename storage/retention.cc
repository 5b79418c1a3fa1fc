// From the front: whole segments first, since what goes as a whole need not be thinned before.
#include "storage/retention.h"

#include <algorithm>

#include "codec/checksum.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

// The shortest and the longest of all ages that end.
template <class Pick>
Micros pick_age(const RetentionPolicy& policy, Pick pick) {
  Micros picked = policy.age_us;
  for (const RetentionRule& rule : policy.rules) {
    if (rule.age_us > 0) picked = picked > 0 ? pick(picked, rule.age_us) : rule.age_us;
  }
  return picked;
}

bool over_size(const RetentionPolicy& policy, const std::vector<SegmentSummary>& segments) {
  uint64_t bytes = 0;
  for (const SegmentSummary& one : segments) bytes += one.bytes;
  return policy.bytes_max > 0 && bytes > policy.bytes_max;
}

}  // namespace

bool RetentionPolicy::empty() const { return bytes_max == 0 && !youngest_age(); }

Micros RetentionPolicy::age_of(std::string_view type) const {
  auto rule = std::ranges::find(rules, type, &RetentionRule::type);
  return rule == rules.end() ? age_us : rule->age_us;
}

std::optional<Micros> RetentionPolicy::oldest_age() const {
  bool for_ever = age_us == 0 || std::ranges::count(rules, 0, &RetentionRule::age_us) > 0;
  if (for_ever) return std::nullopt;
  return pick_age(*this, [](Micros a, Micros b) { return std::max(a, b); });
}

std::optional<Micros> RetentionPolicy::youngest_age() const {
  Micros age = pick_age(*this, [](Micros a, Micros b) { return std::min(a, b); });
  return age > 0 ? std::optional(age) : std::nullopt;
}

bool Expired::has(std::string_view type) const { return over(policy_->age_of(type)); }

bool Expired::any() const {
  auto youngest = policy_->youngest_age();
  return youngest && over(*youngest);
}

bool Expired::all() const {
  auto oldest = policy_->oldest_age();
  return oldest && over(*oldest);
}

uint64_t Expired::mark() const {
  if (!any()) return 0;
  std::vector<std::string_view> types;
  bool others = over(policy_->age_us);
  for (const RetentionRule& rule : policy_->rules)
    if (over(rule.age_us) != others) types.push_back(rule.type);  // the exceptions
  std::ranges::sort(types);
  uint64_t mark = others ? 2 : 1;
  for (std::string_view type : types) mark = hash64(type, mark);
  return std::max<uint64_t>(mark, 1);
}

std::optional<RetentionStep> next_step(const RetentionPolicy& policy,
                                       const std::vector<SegmentSummary>& segments, Micros now) {
  if (segments.size() < 2) return std::nullopt;
  auto expired = [&](size_t i) { return Expired(policy, now - segments[i + 1].began_us); };
  if (over_size(policy, segments) || expired(0).all()) return RetentionStep{segments[0].segment, {}};
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    Expired gone = expired(i);
    if (!gone.any()) break;
    bool empty = segments[i + 1].first_lsn == segments[i].first_lsn;
    if (!empty && gone.mark() != segments[i].thinned) return RetentionStep{segments[i].segment, gone};
  }
  return std::nullopt;
}

bool seal_due(const RetentionPolicy& policy, Micros began_us, Micros now) {
  auto youngest = policy.youngest_age();
  return youngest &&
         now - began_us >= std::max(*youngest / limits::retention_parts, limits::retention_part_us_min);
}

}  // namespace headrace
