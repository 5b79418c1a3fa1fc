// Features: what is known about a cart, a user or a session, and the definitions behind it. System `cart`.
#include "routes/features/entity_features.h"
#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

struct ReadFeatures {
  std::string cartId, entity = "cart";
  std::optional<Timestamp> as_of;
  static constexpr auto shape() {
    return std::tuple{
        field("cartId", &ReadFeatures::cartId, "The cart (or user, or session)",
              length(1, limits::key_bytes_max)),
        field("entity", &ReadFeatures::entity, entity_words, one_of("cart", "user", "session"),
              optional_field),
        field("as_of", &ReadFeatures::as_of, "The moment for windows; by default that of the latest event")};
  }
};

struct ComputeFeatures {
  std::vector<std::string> cart_ids;
  std::string entity = "cart";
  std::optional<Timestamp> as_of;
  static constexpr auto shape() {
    return std::tuple{
        field("cart_ids", &ComputeFeatures::cart_ids, "The entities", length(1, limits::predict_batch_max)),
        field("entity", &ComputeFeatures::entity, entity_words, one_of("cart", "user", "session"),
              optional_field),
        field("as_of", &ComputeFeatures::as_of,
              "The moment for windows; by default that of each one's latest event")};
  }
};

struct ComputedFeatures {
  std::string status = "completed";
  int64_t count = 0;
  std::vector<EntityFeatures> results;
  std::vector<std::string> unknown;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &ComputedFeatures::status, "Computing is immediate"),
        field("count", &ComputedFeatures::count, "Number of results"),
        field("results", &ComputedFeatures::results, "One per known entity, in the order asked"),
        field("unknown", &ComputedFeatures::unknown, "Entities that no event has named")};
  }
};

struct DefinitionText {
  std::string name, entity, aggregate, events, value, window, description;
  static constexpr auto shape() {
    return std::tuple{field("name", &DefinitionText::name, "Name of the feature"),
                      field("entity", &DefinitionText::entity, "Whom it describes"),
                      field("aggregate", &DefinitionText::aggregate, "What is computed"),
                      field("events", &DefinitionText::events, "From which events"),
                      field("value", &DefinitionText::value, "Of which field; empty where none is needed"),
                      field("window", &DefinitionText::window, "Over which time"),
                      field("description", &DefinitionText::description, "In words")};
  }
};

struct DefinitionList {
  std::vector<DefinitionText> definitions;
  int64_t count = 0;
  std::string digest;
  static constexpr auto shape() {
    return std::tuple{field("definitions", &DefinitionList::definitions, "All of them"),
                      field("count", &DefinitionList::count, "Their number"),
                      field("digest", &DefinitionList::digest, "Changes when any of them does")};
  }
};

constexpr features::EntityKind kinds[] = {features::EntityKind::cart, features::EntityKind::user,
                                          features::EntityKind::session};

features::EntityKind kind_named(std::string_view name) {
  for (auto kind : kinds)
    if (features::name_of(kind) == name) return kind;
  return features::EntityKind::cart;
}

Result<EntityFeatures> read_here(Shard* shard, features::EntityKind kind, std::string key,
                                 std::optional<Micros> as_of) {
  auto vector = shard->features(kind, key, as_of);
  if (!vector)
    return Problem{Error::features_not_found, std::string(features::name_of(kind)), "no event has named it"};
  return entity_features(kind, key, *vector, shard->plan());
}

Task<Result<EntityFeatures>> read_entity(Call& call, features::EntityKind kind, std::string_view name,
                                         std::optional<Timestamp> as_of) {
  std::string key = call.caller.key_of(name);
  Shard& home = call.app.shards.home(key);
  std::optional<Micros> moment;
  if (as_of) moment = as_of->us;
  co_return co_await ask(home.loop(), read_here, &home, kind, std::move(key), moment);
}

Task<Result<EntityFeatures>> read_features(Call& call, ReadFeatures want) {
  co_return co_await read_entity(call, kind_named(want.entity), want.cartId, want.as_of);
}

Task<Result<ComputedFeatures>> compute_features(Call& call, ComputeFeatures want) {
  ComputedFeatures out;
  for (std::string& key : want.cart_ids) {
    Result<EntityFeatures> one = co_await read_entity(call, kind_named(want.entity), key, want.as_of);
    if (one.ok())
      out.results.push_back(std::move(*one));
    else if (one.problem().error == Error::features_not_found)
      out.unknown.push_back(key);
    else
      co_return one.problem();
  }
  out.count = static_cast<int64_t>(out.results.size());
  co_return out;
}

// The same under the path that outside callers use.
Task<Result<ComputedFeatures>> compute_features_outside(Call& call, ComputeFeatures want) {
  return compute_features(call, std::move(want));
}

Result<DefinitionList> list_feature_definitions(Call& call) {
  const features::Plan& plan = call.here.shard->plan();
  DefinitionList out;
  for (auto kind : kinds)
    for (auto& output : plan.kind(kind).outputs) {
      auto& text = output.text;
      out.definitions.push_back(
          {text.name, text.entity, text.aggregate, text.events, text.value, text.window, text.about});
    }
  out.count = static_cast<int64_t>(out.definitions.size());
  out.digest = std::to_string(plan.definition_digest());
  return out;
}

constexpr Route features_table[] = {
    {Method::GET,
     "/internal/features/{cartId}",
     allow(Role::service).with(Scope::features_read),
     handler<read_features>,
     {.summary = "The features of a cart, a user or a session"}},
    {Method::GET,
     "/internal/features/definitions",
     allow(Role::service).with(Scope::features_read),
     handler<list_feature_definitions>,
     {.summary = "All feature definitions"}},
    {Method::POST,
     "/internal/features/compute",
     allow(Role::service).with(Scope::features_read),
     handler<compute_features>,
     {.summary = "The features of many entities at a moment"}},
    {Method::POST,
     "/api/features/compute",
     allow(Role::service).with(Scope::features_read),
     handler<compute_features_outside>,
     {.summary = "The features of many entities at a moment"}},
};
static_assert(well_formed(features_table));

}  // namespace

RouteTable routes::features() { return {System::cart, features_table}; }

}  // namespace headrace
