// Feature definitions added to the running server, and how far the back-fill of changed ones is. System
// `cart`.
#include <algorithm>

#include "routes/kit/app.h"
#include "routes/kit/handler.h"
#include "routes/tables.h"
#include "src/features/added.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

struct PartitionBackfill {
  int64_t partition = 0, records_done = 0, records_total = 0;
  std::string status;
  std::optional<int64_t> from_lsn;
  std::optional<std::string> trouble;
  static constexpr auto shape() {
    return std::tuple{
        field("partition", &PartitionBackfill::partition, "Number of the partition"),
        field("status", &PartitionBackfill::status, "served: by the definitions wanted",
              one_of("served", "waiting", "folding", "failed")),
        field("records_done", &PartitionBackfill::records_done, "Of its log, folded by the new definitions"),
        field("records_total", &PartitionBackfill::records_total, "Of its log"),
        field("from_lsn", &PartitionBackfill::from_lsn, "Where the log began: features know nothing older"),
        field("trouble", &PartitionBackfill::trouble, "Why it failed; it is tried again")};
  }
};

struct BackfillStatus {
  std::string status = "complete";
  int64_t records_done = 0, records_total = 0;
  std::optional<Timestamp> estimated_end;
  std::string digest;
  std::vector<PartitionBackfill> partitions;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &BackfillStatus::status, "complete: every partition serves the definitions wanted",
              one_of("complete", "running", "failed")),
        field("records_done", &BackfillStatus::records_done, "Of all partitions that are not served yet"),
        field("records_total", &BackfillStatus::records_total, "Of these"),
        field("estimated_end", &BackfillStatus::estimated_end,
              "At the pace so far; absent where there is none"),
        field("digest", &BackfillStatus::digest, "Of the definitions wanted"),
        field("partitions", &BackfillStatus::partitions, "One per partition")};
  }
};

PartitionBackfill part_of(uint32_t partition, const BackfillProgress& progress) {
  PartitionBackfill out;
  out.partition = partition, out.status = name_of(progress.phase);
  out.records_done = static_cast<int64_t>(progress.done);
  out.records_total = static_cast<int64_t>(progress.total);
  if (progress.from_lsn != 0) out.from_lsn = static_cast<int64_t>(progress.from_lsn);
  if (!progress.trouble.empty()) out.trouble = progress.trouble;
  return out;
}

// What is left, at the pace of the partition in hand.
std::optional<Timestamp> end_of(const BackfillProgress& in_hand, int64_t left, Micros now) {
  Micros took = in_hand.folded_us - in_hand.began_us;
  if (in_hand.done == 0 || took <= 0) return std::nullopt;
  double per_record = static_cast<double>(took) / static_cast<double>(in_hand.done);
  return Timestamp{now + static_cast<Micros>(per_record * static_cast<double>(left)), true};
}

Result<BackfillStatus> read_backfill(Call& call) {
  using enum BackfillProgress::Phase;
  App& app = call.app;
  BackfillStatus out;
  out.digest = std::to_string(app.backfill.wanted()->definition_digest());
  std::optional<BackfillProgress> in_hand;
  for (uint32_t p = 0; p < app.shards.count(); ++p) {
    BackfillProgress progress = app.backfill.progress(p);
    if (progress.phase == waiting)
      progress.done = 0, progress.total = app.shards[p].durable_lsn_any_thread();
    out.partitions.push_back(part_of(p, progress));
    if (progress.phase == served) continue;
    out.status = progress.phase == failed || out.status == "failed" ? "failed" : "running";
    out.records_done += static_cast<int64_t>(progress.done);
    out.records_total += static_cast<int64_t>(progress.total);
    if (progress.phase == folding) in_hand = progress;
  }
  if (in_hand) out.estimated_end = end_of(*in_hand, out.records_total - out.records_done, app.clock.wall());
  return out;
}

struct NewDefinition {
  std::string entity, name, aggregate, events, value, window = "all_time", about;
  static constexpr auto shape() {
    return std::tuple{
        field("entity", &NewDefinition::entity, "cart, user or session", length(1, 16)),
        field("name", &NewDefinition::name, "a-z, 0-9 and _; unique for the entity",
              length(1, limits::feature_name_bytes_max)),
        field("aggregate", &NewDefinition::aggregate, "What is done with the events", length(1, 16)),
        field("events", &NewDefinition::events, "Which events count", length(1, 1024)),
        field("value", &NewDefinition::value, "What of them: a field, or a field times a field",
              optional_field),
        field("window", &NewDefinition::window, "all_time, 5m, 1h, 24h, 7d or session", optional_field),
        field("about", &NewDefinition::about, "A sentence for readers", length(0, 1024), optional_field)};
  }
};

struct NamedDefinition {
  std::string entity, name;
  static constexpr auto shape() {
    return std::tuple{
        field("entity", &NamedDefinition::entity, "cart, user or session", length(1, 16)),
        field("name", &NamedDefinition::name, "The feature", length(1, limits::feature_name_bytes_max))};
  }
};

struct DefinitionChange {
  std::string status, entity, name, digest;
  static constexpr auto shape() {
    return std::tuple{
        field("status", &DefinitionChange::status, "It is served when the back-fill is complete",
              one_of("added", "unchanged", "removed")),
        field("entity", &DefinitionChange::entity, "Whom it describes"),
        field("name", &DefinitionChange::name, "Name of the feature"),
        field("digest", &DefinitionChange::digest, "Of the definitions wanted from now on")};
  }
};

using Definitions = std::vector<features::Definition>;

// What is wrong with a definition is said by the name of its field.
Problem as_input(Problem problem) {
  problem.error = Error::invalid_input;
  problem.field = problem.field.substr(problem.field.rfind('.') + 1);
  return problem;
}

auto named(const features::Definition& definition) {
  return [key = features::document_key(definition)](const features::Definition& other) {
    return features::document_key(other) == key;
  };
}

// On the loop of the control partition, whose documents say what was added before.
Result<DefinitionChange> set_wanted(App* app, const Definitions& added, Change change, const char* status,
                                    const features::Definition& about) {
  auto plan = features::Plan::compile(features::merge(app->definitions, added));
  if (!plan.ok()) return as_input(plan.problem());
  Result<Lsn> logged = app->shards[0].partition().commit(change);
  if (!logged.ok()) return logged.problem();
  app->backfill.want(*plan);
  return DefinitionChange{status, about.entity, about.name, std::to_string((*plan)->definition_digest())};
}

Result<DefinitionChange> add_here(App* app, features::Definition wanted) {
  auto added = features::added_definitions(app->shards[0].partition().documents());
  if (!added.ok()) return added.problem();
  if (std::ranges::any_of(app->definitions, named(wanted)))
    return Problem{Error::conflict, "name", "is defined by the program or its configuration"};
  auto same = std::ranges::find_if(*added, named(wanted));
  if (same != added->end() && features::to_text({&*same, 1}) == features::to_text({&wanted, 1}))
    return set_wanted(app, *added, {}, "unchanged", wanted);
  if (same != added->end()) return Problem{Error::conflict, "name", "is defined otherwise; delete it first"};
  if (added->size() >= limits::feature_documents_max)
    return Problem{Error::invalid_input, "name", "too many definitions were added"};
  Change change;
  change.put(tables::feature_definitions, features::document_key(wanted), features::to_text({&wanted, 1}));
  // In the order in which the next start will read them.
  added->insert(std::ranges::lower_bound(*added, features::document_key(wanted), {}, features::document_key),
                wanted);
  return set_wanted(app, *added, std::move(change), "added", wanted);
}

Result<DefinitionChange> remove_here(App* app, features::Definition unwanted) {
  auto added = features::added_definitions(app->shards[0].partition().documents());
  if (!added.ok()) return added.problem();
  if (std::erase_if(*added, named(unwanted)) == 0)
    return Problem{Error::not_found, "name", "no such definition was added"};
  Change change;
  change.erase(tables::feature_definitions, features::document_key(unwanted));
  return set_wanted(app, *added, std::move(change), "removed", unwanted);
}

using ChangeDefinitions = Result<DefinitionChange> (*)(App*, features::Definition);

// Answered when it is on disk.
Task<Result<DefinitionChange>> change_durably(App* app, ChangeDefinitions change,
                                              features::Definition about) {
  Result<DefinitionChange> done = change(app, std::move(about));
  if (done.ok()) co_await app->shards[0].make_durable();
  co_return done;
}

Task<Result<DefinitionChange>> add_definition(Call& call, NewDefinition want) {
  features::Definition wanted{want.entity, want.name,   want.aggregate, want.events,
                              want.value,  want.window, want.about};
  App* app = &call.app;
  co_return co_await ask(app->shards[0].loop(), change_durably, app, ChangeDefinitions(add_here),
                         std::move(wanted));
}

Task<Result<DefinitionChange>> remove_definition(Call& call, NamedDefinition want) {
  features::Definition unwanted;
  unwanted.entity = want.entity, unwanted.name = want.name;
  App* app = &call.app;
  co_return co_await ask(app->shards[0].loop(), change_durably, app, ChangeDefinitions(remove_here),
                         std::move(unwanted));
}

constexpr Route definitions_table[] = {
    {Method::POST,
     "/admin/features",
     Role::admin,
     handler<add_definition>,
     {.summary = "Add a feature definition; it is served when all of the log is folded by it", .keyed = true}},
    {Method::DELETE,
     "/admin/features/{entity}/{name}",
     Role::admin,
     handler<remove_definition>,
     {.summary = "Remove a feature definition that was added"}},
    {Method::GET,
     "/admin/features/backfill",
     Role::admin,
     handler<read_backfill>,
     {.summary = "How far changed feature definitions are from being served"}},
};
static_assert(well_formed(definitions_table));

}  // namespace

RouteTable routes::definitions() { return {System::cart, definitions_table}; }

}  // namespace headrace
