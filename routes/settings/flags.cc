// Feature flags, and their evaluation as OFREP (OpenFeature Remote Evaluation Protocol) has it.
#include <fmt/format.h>

#include "codec/checksum.h"
#include "routes/identity/persons.h"
#include "routes/tables.h"

namespace headrace {
namespace {

struct FlagList {
  std::vector<Flag> flags;
  int64_t count = 0;
  static constexpr auto shape() {
    return std::tuple{field("flags", &FlagList::flags, "In the order of their names"),
                      field("count", &FlagList::count, "How many there are")};
  }
};

struct EvaluateFlags {
  std::map<std::string, RawJson> context;
  static constexpr auto shape() {
    return std::tuple{field("context", &EvaluateFlags::context, "Attributes, targetingKey among them", length(0, 1000), optional_field)};
  }
};

struct EvaluateFlag {
  std::string key;
  std::map<std::string, RawJson> context;
  static constexpr auto shape() {
    return std::tuple{
        field("key", &EvaluateFlag::key, "Of the flag", length(1, 128), optional_field),
        field("context", &EvaluateFlag::context, "Attributes, targetingKey among them", length(0, 1000), optional_field)};
  }
};

struct Evaluation {
  std::string key, reason;
  std::optional<std::string> variant;
  std::optional<RawJson> value;
  static constexpr auto shape() {
    return std::tuple{field("key", &Evaluation::key, "Of the flag"),
                      field("reason", &Evaluation::reason, "STATIC, TARGETING_MATCH, SPLIT, DEFAULT or DISABLED"),
                      field("variant", &Evaluation::variant, "Name of the value"),
                      field("value", &Evaluation::value, "Absent: the client's own default")};
  }
};

struct FailedEvaluation {
  std::string key, errorCode, errorDetails;
  static constexpr auto shape() {
    return std::tuple{field("key", &FailedEvaluation::key, "Of the flag"),
                      field("errorCode", &FailedEvaluation::errorCode, "As OpenFeature names it"),
                      field("errorDetails", &FailedEvaluation::errorDetails, "For people")};
  }
};

Result<FlagList> list_flags(Call& call) {
  FlagList out;
  for (auto& [key, flag] : call.here.settings->flags) out.flags.push_back(flag);
  out.count = static_cast<int64_t>(out.flags.size());
  return out;
}

Task<Result<Flag>> update_flag(Call& call, PutFlag want) {
  want.author = author_of(call.caller);
  co_return co_await call.app.settings->change(decide_put_flag, std::move(want));
}

// The store is that of the credential; who belongs to none may name one.
FlagContext context_of(const Caller& caller, const std::map<std::string, RawJson>& attributes) {
  FlagContext out{attributes, std::string(caller.tenant.view())};
  auto found = attributes.find("storeId");
  if (!caller.of_platform() || found == attributes.end()) return out;
  std::string_view text = found->second.text;
  if (text.size() > 2 && text.front() == '"') out.store = text.substr(1, text.size() - 2);
  return out;
}

Evaluation evaluation_of(const Flag& flag, const FlagVerdict& verdict) {
  Evaluation out;
  out.key = flag.key, out.reason = verdict.reason;
  if (verdict.value) out.variant = verdict.variant, out.value = *verdict.value;
  return out;
}

Result<Evaluation> evaluate_flag(Call& call, const EvaluateFlag& want) {
  const Flags& flags = call.here.settings->flags;
  auto found = flags.find(want.key);
  if (found == flags.end()) return Error::flag_not_found;
  auto verdict = evaluate(found->second, context_of(call.caller, want.context));
  if (!verdict.ok()) return verdict.problem();
  return evaluation_of(found->second, *verdict);
}

std::string evaluated(const Flag& flag, const FlagContext& context) {
  auto verdict = evaluate(flag, context);
  if (verdict.ok()) return to_json(evaluation_of(flag, *verdict));
  const Problem& problem = verdict.problem();
  return to_json(FailedEvaluation{flag.key, std::string(row_of(problem.error).code), problem.text()});
}

Result<Page> evaluate_flags(Call& call, const EvaluateFlags& want) {
  const FlagContext context = context_of(call.caller, want.context);
  Page page{R"({"flags":[)"};
  for (auto& [key, flag] : call.here.settings->flags) {
    if (page.content.back() == '}') page.content += ',';
    page.content += evaluated(flag, context);
  }
  page.content += "]}";
  const std::string tag = fmt::format("\"{:016x}\"", hash64(page.content));
  call.add_header("ETag", tag);
  std::string_view known = call.request().headers.known(Known::if_none_match);
  if (known == "*" || known.find(tag) != known.npos) page = {.content = {}, .content_type = {}, .status = 304};
  return page;
}

constexpr Permit reader = anybody_known;

constexpr Route flags_table[] = {
    {Method::GET,
     "/api/feature-flags",
     allow(Role::operator_, Role::service),
     handler<list_flags>,
     {.summary = "All feature flags"}},
    {Method::PUT,
     "/api/feature-flags/{flag}",
     Role::admin,
     handler<update_flag>,
     {.summary = "Switch a feature flag, make one, or change what is given of it"}},
};
static_assert(well_formed(flags_table));

constexpr Route ofrep_table[] = {
    {Method::POST, "/ofrep/v1/evaluate/flags", reader, handler<evaluate_flags>, {.summary = "Evaluate all flags"}},
    {Method::POST, "/ofrep/v1/evaluate/flags/{key}", reader, handler<evaluate_flag>, {.summary = "Evaluate a flag"}},
};
static_assert(well_formed(ofrep_table));

}  // namespace

RouteTable routes::flags() { return {System::cart, flags_table}; }
RouteTable routes::ofrep() { return {System::ofrep, ofrep_table}; }

}  // namespace headrace
