// A flag is checked as a whole before it is kept, so that its evaluation meets nothing that it cannot answer.
#include "src/settings/flags.h"

#include <fmt/format.h>

#include "src/base/limits.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

Problem wrong(std::string field, std::string rule) { return {Error::invalid_input, std::move(field), std::move(rule)}; }

// Of values of one JSON type the same character.
char type_of_json(std::string_view json) {
  const char c = json.front();
  return c == 'f' ? 't' : c == '-' || (c >= '0' && c <= '9') ? '0' : c;
}

Result<> check_variant(const Flag& flag, const std::string& variant, const std::string& field) {
  if (!flag.variants.contains(variant)) return wrong(field, fmt::format("there is no variant \"{}\"", variant));
  return Done{};
}

Result<> check_split(const Flag& flag, const FlagSplit& split, const std::string& field) {
  int64_t sum = 0;
  for (auto& [variant, percent] : split) {
    TRY_DONE(check_variant(flag, variant, field));
    if (percent < 0 || percent > 100) return wrong(field, "percents are between 0 and 100");
    sum += percent;
  }
  return sum == 100 ? Result<>(Done{}) : wrong(field, "must be 100 percent in all");
}

Result<> check_variants(const Flag& flag) {
  for (auto& [name, value] : flag.variants) {
    if (name.empty() || name.size() > 128) return wrong("variants", "names have 1 to 128 bytes");
    const char type = type_of_json(value.text);
    if (type == 'n' || type == '[') return wrong("variants", "are booleans, texts, numbers or objects");
    if (type != type_of_json(flag.variants.begin()->second.text)) return wrong("variants", "must be of one type");
  }
  return Done{};
}

Result<> check_rule(const Flag& flag, const FlagRule& rule, const std::string& field) {
  if (rule.variant.has_value() == rule.split.has_value()) return wrong(field, "has either a variant or a split");
  for (auto& condition : rule.conditions)
    for (auto& value : condition.values)
      if (std::string_view("\"t0").find(type_of_json(value.text)) == std::string_view::npos)
        return wrong(field + ".conditions", "values are texts, numbers or booleans");
  return rule.variant ? check_variant(flag, *rule.variant, field + ".variant")
                      : check_split(flag, *rule.split, field + ".split");
}

Result<> check_flag(const Flag& flag) {
  TRY_DONE(check_variants(flag));
  TRY_DONE(check_variant(flag, flag.default_variant, "default_variant"));
  if (flag.off_variant) TRY_DONE(check_variant(flag, *flag.off_variant, "off_variant"));
  if (flag.split) TRY_DONE(check_split(flag, *flag.split, "split"));
  for (size_t i = 0; i < flag.rules.size(); ++i)
    TRY_DONE(check_rule(flag, flag.rules[i], fmt::format("rules[{}]", i)));
  for (auto& [store, its] : flag.stores)
    if (its.variant) TRY_DONE(check_variant(flag, *its.variant, fmt::format("stores.{}.variant", store)));
  return Done{};
}

Flag new_flag(const PutFlag& want) {
  Flag flag;
  flag.key = want.flag;
  if (want.variants) return flag;
  flag.variants["on"].text = "true", flag.variants["off"].text = "false";
  flag.default_variant = "on", flag.off_variant = "off";
  return flag;
}

void set(const PutFlag& want, Flag& flag) {
  if (want.enabled) flag.enabled = *want.enabled;
  if (want.description) flag.description = *want.description;
  if (want.variants) flag.variants = *want.variants;
  if (want.default_variant) flag.default_variant = *want.default_variant;
  if (want.off_variant) flag.off_variant = *want.off_variant;
  if (want.rules) flag.rules = *want.rules;
  if (want.split) flag.split = want.split->empty() ? std::nullopt : want.split;
  if (want.stores) flag.stores = *want.stores;
}

size_t count_flags(const Documents& documents) {
  size_t count = 0;
  documents.scan(tables::flags, {}, [&](std::string_view, std::string_view) { return ++count, true; });
  return count;
}

}  // namespace

Result<Flag> decide_put_flag(const Documents& documents, const PutFlag& want, const Stamp& stamp, Effects& effects) {
  auto before = load<Flag>(documents, tables::flags, want.flag);
  const int64_t version = before ? before->version : 0;
  if (want.version && *want.version != version) return Problem{Error::conflict, "version", fmt::format("is {} by now", version)};
  if (!before && count_flags(documents) >= limits::flags_max)
    return Problem{Error::conflict, "flag", fmt::format("there are {} flags, as many as there may be", limits::flags_max)};
  Flag flag = before ? *before : new_flag(want);
  set(want, flag);
  TRY_DONE(check_flag(flag));
  flag.version = version + 1, flag.updated_at = {stamp.now, true};
  const std::string text = to_json(flag);
  if (text.size() > limits::flag_bytes_max) return wrong("flag", fmt::format("may have at most {} bytes", limits::flag_bytes_max));
  effects.put(tables::flags, flag.key, flag);
  std::string data = object_of({{"flag", flag.key}, {"key", want.author.key}});
  data.back() = ',';
  data += fmt::format(R"("version":{},"from":{},"to":{}}})", flag.version, before ? to_json(*before) : "null", text);
  effects.record(stamp, "feature_flag_changed", want.author.account, data);
  return flag;
}

Flags all_flags(const Documents& documents) {
  Flags out;
  documents.scan(tables::flags, {}, [&](std::string_view key, std::string_view text) {
    auto flag = from_json<Flag>(text);
    CHECK(flag.ok());
    out.emplace(key, std::move(*flag));
    return true;
  });
  return out;
}

}  // namespace headrace
