// The small grammar of definition.h, and the rules that relate a definition's parts.
#include "src/features/definition_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/limits.h"
#include "src/features/words.h"

namespace headrace::features {
namespace {

Problem broken(std::string_view field, std::string rule) {
  return Problem(Error::bad_configuration, std::string(field), std::move(rule));
}

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What stands before `separator`, taken off `rest` together with the separator.
std::string_view take_until(std::string_view& rest, char separator) {
  size_t at = rest.find(separator);
  std::string_view part = rest.substr(0, at);
  rest = at == rest.npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

bool is_word(std::string_view text, std::string_view more) {
  auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != more.npos;
  };
  return !text.empty() && text.size() <= limits::feature_name_bytes_max &&
         std::all_of(text.begin(), text.end(), allowed);
}

bool is_field(std::string_view text) { return is_word(text, "_.$-"); }
bool is_type(std::string_view text) { return is_word(text, "_.:/-"); }

bool is_name(std::string_view text) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= limits::feature_name_bytes_max && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(), allowed);
}

// The enumerator called `text`, of an enum whose `count` names name_of() knows.
template <class Enum>
Result<Enum> named(std::string_view field, std::string_view text, size_t count) {
  std::string known;
  for (size_t i = 0; i < count; ++i) {
    auto value = static_cast<Enum>(i);
    if (name_of(value) == text) return value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", name_of(value));
  }
  return broken(field, fmt::format("must be one of {}", known));
}

Result<ClauseText> parse_clause(std::string_view text) {
  ClauseText clause;
  text = trim(text);
  clause.minus = text.starts_with('-');
  if (clause.minus) text = trim(text.substr(1));
  bool tests = text.ends_with(']');
  if (tests) text.remove_suffix(1);
  std::string_view type = tests ? trim(take_until(text, '[')) : text;
  if (type != "*" && !is_type(type))
    return broken("events", fmt::format("\"{}\" is not an event type or *", type));
  clause.type = canonical_type(type);
  if (!tests) return clause;
  std::string_view field = trim(take_until(text, '='));
  if (!is_field(field))
    return broken("events", fmt::format("\"{}\" is not a field; write type[field=text]", field));
  if (trim(text).empty()) return broken("events", "a test needs a text: type[field=text]");
  clause.field = canonical_field(field);
  clause.equals = trim(text);
  return clause;
}

Result<Done> parse_events(std::string_view rest, ParsedDefinition& parsed) {
  for (bool more = true; more;) {
    more = rest.find('|') != rest.npos;
    Result<ClauseText> clause = parse_clause(take_until(rest, '|'));
    if (!clause) return clause.problem();
    parsed.clauses.push_back(std::move(*clause));
  }
  return Done{};
}

Result<Done> parse_value(std::string_view rest, ParsedDefinition& parsed) {
  if (trim(rest).empty()) return Done{};
  std::string_view whole = rest;
  std::string_view field = trim(take_until(rest, '*'));
  bool product = whole.find('*') != whole.npos;
  if (!is_field(field) || (product && !is_field(trim(rest))))
    return broken("value", "must be a field or field*field");
  parsed.field = canonical_field(field);
  if (product) parsed.times = canonical_field(trim(rest));
  return Done{};
}

bool takes_value(Aggregate aggregate) {
  return aggregate != Aggregate::count && aggregate < Aggregate::time_since;
}

Result<Done> check_rules(const ParsedDefinition& parsed) {
  auto minus = [](const ClauseText& clause) { return clause.minus; };
  bool subtracts = std::any_of(parsed.clauses.begin(), parsed.clauses.end(), minus);
  bool adds = !std::all_of(parsed.clauses.begin(), parsed.clauses.end(), minus);
  bool may_subtract = parsed.aggregate == Aggregate::count || parsed.aggregate == Aggregate::sum;
  if (!adds) return broken("events", "needs a clause that does not subtract");
  if (subtracts && !may_subtract) return broken("events", "only count and sum can subtract");
  if (takes_value(parsed.aggregate) != !parsed.field.empty()) {
    return broken("value", fmt::format("{} {} a value", name_of(parsed.aggregate),
                                       takes_value(parsed.aggregate) ? "needs" : "takes no"));
  }
  if (parsed.aggregate == Aggregate::distinct && !parsed.times.empty()) {
    return broken("value", "distinct takes a single field");
  }
  if (parsed.aggregate >= Aggregate::hour && parsed.window != Window::all_time) {
    return broken("window", fmt::format("{} is only for all_time", name_of(parsed.aggregate)));
  }
  return Done{};
}

void normalise(ParsedDefinition& parsed) {
  parsed.text.events.clear();
  for (const ClauseText& clause : parsed.clauses) {
    parsed.text.events += fmt::format("{}{}", parsed.text.events.empty() ? "" : " | ", clause.text());
  }
  parsed.text.value = parsed.times.empty() ? parsed.field : parsed.field + "*" + parsed.times;
}

}  // namespace

std::string ClauseText::text() const {
  std::string test = field.empty() ? "" : fmt::format("[{}={}]", field, equals);
  return fmt::format("{}{}{}", minus ? "-" : "", type, test);
}

Result<ParsedDefinition> parse_definition(const Definition& definition) {
  ParsedDefinition parsed;
  parsed.text = definition;
  if (!is_name(definition.name)) {
    return broken("name", fmt::format("must be 1 to {} of a-z, 0-9, _ and begin with a letter",
                                      limits::feature_name_bytes_max));
  }
  auto kind = named<EntityKind>("entity", definition.entity, entity_kinds);
  if (!kind) return kind.problem();
  auto aggregate =
      named<Aggregate>("aggregate", definition.aggregate, static_cast<size_t>(Aggregate::weekend) + 1);
  if (!aggregate) return aggregate.problem();
  auto window = named<Window>("window", definition.window, window_kinds);
  if (!window) return window.problem();
  parsed.kind = *kind;
  parsed.aggregate = *aggregate;
  parsed.window = *window;
  TRY_DONE(parse_events(definition.events, parsed));
  TRY_DONE(parse_value(definition.value, parsed));
  TRY_DONE(check_rules(parsed));
  normalise(parsed);
  return parsed;
}

}  // namespace headrace::features
