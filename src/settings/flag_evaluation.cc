// Evaluation: off, then the store, then the rules in order, then the split or the default. Whom a split takes where
// depends on flag and targetingKey alone, and so never changes while the percents stay.
#include <charconv>

#include "codec/checksum.h"
#include "src/settings/flags.h"

namespace headrace {
namespace {

struct TextInside {
  std::string text;
  static constexpr auto shape() { return std::tuple{field("text", &TextInside::text, "")}; }
};

// Unescaped; nothing where it is no string.
std::optional<std::string> text_of(const RawJson& json) {
  if (!json.text.starts_with('"')) return std::nullopt;
  auto read = from_json<TextInside>("{\"text\":" + json.text + "}");
  if (!read.ok()) return std::nullopt;
  return std::move(read->text);
}

std::optional<double> number_of(const RawJson& json) {
  double value = 0;
  const char* last = json.text.data() + json.text.size();
  auto [end, code] = std::from_chars(json.text.data(), last, value);
  if (code != std::errc() || end != last) return std::nullopt;
  return value;
}

bool equal(const RawJson& a, const RawJson& b) {
  if (auto number = number_of(a)) return number == number_of(b);
  if (auto text = text_of(a)) return text == text_of(b);
  return a.text == b.text;
}

bool compares(std::string_view op, const RawJson& attribute, const RawJson& value) {
  if (op == "in" || op == "not_in") return equal(attribute, value);
  if (op == "at_least" || op == "at_most") {
    auto a = number_of(attribute), b = number_of(value);
    return a && b && (op == "at_least" ? *a >= *b : *a <= *b);
  }
  auto a = text_of(attribute), b = text_of(value);
  if (!a || !b) return false;
  return op == "starts_with" ? a->starts_with(*b) : op == "ends_with" ? a->ends_with(*b) : a->find(*b) != a->npos;
}

bool holds(const FlagCondition& condition, const FlagContext& context) {
  auto found = context.attributes.find(condition.attribute);
  const bool negated = condition.op == "not_in";
  if (found == context.attributes.end()) return negated;
  for (auto& value : condition.values)
    if (compares(condition.op, found->second, value)) return !negated;
  return negated;
}

bool matches(const FlagRule& rule, const FlagContext& context) {
  for (auto& condition : rule.conditions)
    if (!holds(condition, context)) return false;
  return true;
}

FlagVerdict give(const Flag& flag, std::string_view reason, const std::string& variant) {
  return {reason, variant, &flag.variants.at(variant)};
}

Result<FlagVerdict> divide(const Flag& flag, const FlagSplit& split, const FlagContext& context) {
  auto found = context.attributes.find("targetingKey");
  auto key = found == context.attributes.end() ? std::nullopt : text_of(found->second);
  if (!key || key->empty()) return Problem{Error::targeting_key_missing, "context.targetingKey", "a split needs it"};
  int64_t place = static_cast<int64_t>(hash64(flag.key + '\n' + *key) % 100);
  for (auto& [variant, percent] : split)
    if ((place -= percent) < 0) return give(flag, "SPLIT", variant);
  return give(flag, "DEFAULT", flag.default_variant);
}

}  // namespace

Result<FlagVerdict> evaluate(const Flag& flag, const FlagContext& context) {
  auto its = context.store.empty() ? flag.stores.end() : flag.stores.find(context.store);
  const bool special = its != flag.stores.end();
  if (!(special ? its->second.enabled.value_or(flag.enabled) : flag.enabled))
    return flag.off_variant ? give(flag, "DISABLED", *flag.off_variant) : FlagVerdict{.reason = "DISABLED", .variant = {}};
  if (special && its->second.variant) return give(flag, "TARGETING_MATCH", *its->second.variant);
  for (auto& rule : flag.rules)
    if (matches(rule, context))
      return rule.variant ? give(flag, "TARGETING_MATCH", *rule.variant) : divide(flag, *rule.split, context);
  if (flag.split) return divide(flag, *flag.split, context);
  return give(flag, flag.rules.empty() ? "STATIC" : "DEFAULT", flag.default_variant);
}

}  // namespace headrace
