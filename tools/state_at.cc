// `headrace state at`: the state as it was, folded anew in a scratch directory from the newest base before that.
#include <fmt/format.h>

#include "codec/scoped_key.h"
#include "codec/time_text.h"
#include "routes/features/entity_features.h"
#include "src/events/consistent_cut.h"
#include "src/events/event_fold.h"
#include "src/server/server.h"
#include "storage/partition.h"
#include "tools/commands.h"
#include "tools/scratch_folder.h"

namespace headrace {
namespace {

struct Entity {
  features::EntityKind kind;
  std::string key;
};

Result<Entity> entity_of(const std::string& text, const std::string& tenant) {
  size_t colon = text.find(':');
  for (features::EntityKind kind : features::all_kinds)
    if (text.substr(0, colon) == features::name_of(kind) && colon != text.npos && colon + 1 < text.size())
      return Entity{kind, scoped(tenant, text.substr(colon + 1))};
  return Problem{Error::invalid_input, "entity", "must be user:ID, session:ID or cart:ID"};
}

class Looking {
 public:
  Looking(const DataDirectory& directory, std::shared_ptr<const features::Plan> plan, std::vector<Entity> entities)
      : directory_(directory), plan_(std::move(plan)), entities_(std::move(entities)) {}

  Result<> look(uint32_t p, Lsn last) {
    ScratchFolder scratch("headrace-state");
    if (!scratch.made()) return Problem{Error::storage_io, "scratch", "No scratch directory can be made"};
    EventFold fold(plan_, p, directory_.partitions(), nullptr);
    std::string found;
    PartitionOptions options;
    options.place = directory_.place(p);
    auto rebuilt = rebuild(options, scratch.path() + "/state", fold,
                           {.last = last, .look = [&](Rows& rows) { found = features_in(p, fold, rows); }});
    if (!rebuilt.ok()) return rebuilt.problem();
    fmt::print("{{\"partition\":{},\"lsn\":{},\"digest\":\"{}\",\"documents\":{},\"rows\":{},\"base_lsn\":{},\"records_folded\":{}}}\n{}",
               p, rebuilt->last_lsn, to_text(rebuilt->digest), rebuilt->documents, rebuilt->rows, rebuilt->base_lsn,
               rebuilt->records, found);
    return Done{};
  }

 private:
  // Of those that are at home there; one that no event had named is null.
  std::string features_in(uint32_t p, EventFold& fold, Rows& rows) {
    std::string out;
    for (const Entity& one : entities_) {
      if (home_of(one.key, directory_.partitions()) != p) continue;
      auto vector = fold.engine().read(one.kind, one.key, {}, rows);
      out += vector ? to_json(entity_features(one.kind, one.key, *vector, *plan_)) : std::string("null");
      out += '\n';
    }
    return out;
  }

  const DataDirectory& directory_;
  std::shared_ptr<const features::Plan> plan_;
  std::vector<Entity> entities_;
};

// By partition; for a time all of one consistent moment.
Result<std::vector<Lsn>> last_of(const DataDirectory& directory, const StateAtCommand& command,
                                 const features::Plan& plan) {
  if (command.time.empty()) return std::vector<Lsn>(directory.partitions(), command.lsn);
  WantedCut wanted;
  wanted.last.resize(directory.partitions());
  wanted.time = parse_time(command.time);
  if (!wanted.time) return Problem{Error::invalid_input, "time", "must be a time such as 2025-09-30T12:00:00Z"};
  std::vector<PartitionPlace> places;
  for (uint32_t p = 0; p < directory.partitions(); ++p) places.push_back(directory.place(p));
  auto cut = consistent_cut(places, wanted, plan);
  if (!cut.ok()) return cut.problem();
  return cut->last;
}

Result<> look_back(const Config& config, const StateAtCommand& command) {
  if (command.time.empty() == (command.lsn == 0))
    return Problem{Error::invalid_input, "lsn", "either --lsn, at least 1, or --time must be given"};
  auto directory = open_to_read(config.data, command.partition);
  if (!directory.ok()) return directory.problem();
  auto plan = feature_plan(config);
  if (!plan.ok()) return plan.problem();
  std::vector<Entity> entities;
  for (const std::string& text : command.entities) {
    auto entity = entity_of(text, command.tenant);
    if (!entity.ok()) return entity.problem();
    entities.push_back(std::move(*entity));
  }
  auto last = last_of(**directory, command, **plan);
  if (!last.ok()) return last.problem();
  Looking looking(**directory, *plan, std::move(entities));
  for (uint32_t p = 0; p < (*directory)->partitions(); ++p)
    if (!command.partition || p == *command.partition) TRY_DONE(looking.look(p, (*last)[p]));
  return Done{};
}

}  // namespace

int state_at(const Config& config, const StateAtCommand& command) {
  return exit_status(look_back(config, command));
}

}  // namespace headrace
