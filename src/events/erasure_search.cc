// In rounds: what a round finds may lead to more in the next.
#include "src/events/erasure_search.h"

#include <algorithm>
#include <functional>
#include <set>

#include "src/base/limits.h"
#include "src/events/event_fold.h"
#include "storage/log_reader.h"

namespace headrace {
namespace {

using features::EntityKind;
using Entity = std::pair<EntityKind, std::string>;
using Entities = std::set<Entity>;

class OwnedSearch {
 public:
  OwnedSearch(const DataDirectory& directory, const std::vector<Lsn>& through, const ErasureOrder& order)
      : directory_(directory), through_(through), order_(order), subject_(order.subject) {}

  Result<std::vector<EntityHash>> run() {
    for (size_t round = 0; round < limits::erasure_rounds_max; ++round) {
      TRY_DONE(read_all([this](const Event& event) { look_for_theirs(event); }));
      if (fresh_.empty()) break;
      TRY_DONE(read_all([this](const Event& event) { look_for_others(event); }));
      owned_.merge(fresh_);
      fresh_.clear();
    }
    return hashes();
  }

 private:
  using Visit = std::function<void(const Event&)>;
  Result<> read_all(const Visit& visit);
  Result<> read(uint32_t partition, const Visit& visit);
  void look_for_theirs(const Event& event);
  void look_for_others(const Event& event);
  std::vector<EntityHash> hashes() const;

  // Carts and sessions; the user is another matter.
  static std::vector<Entity> entities_of(const Event& event) {
    std::vector<Entity> out;
    for (EntityKind kind : {EntityKind::cart, EntityKind::session})
      if (auto key = features::key_of(event, kind); !key.empty()) out.emplace_back(kind, key);
    return out;
  }

  const DataDirectory& directory_;
  const std::vector<Lsn>& through_;
  const ErasureOrder& order_;
  const Subject& subject_;
  Entities owned_, fresh_, shared_;
};

Result<> OwnedSearch::read_all(const Visit& visit) {
  for (uint32_t p = 0; p < directory_.partitions(); ++p) TRY_DONE(read(p, visit));
  return Done{};
}

Result<> OwnedSearch::read(uint32_t partition, const Visit& visit) {
  auto reader = LogReader::open(directory_.place(partition), 1, through_[partition]);
  if (!reader) return reader.problem();
  RecordView record;
  while (true) {
    auto more = reader->next(record);
    if (!more) return more.problem();
    if (!*more) return Done{};
    if (record.kind != Kind::event) continue;
    auto event = decode_event(record.payload);
    if (!event) return event.problem();
    if (!order_.covers(event->id)) continue;
    if (event->source == own_source) event->user = {};  // who paid for it
    for (std::string_view* key : {&event->user, &event->session, &event->cart}) *key = key_in(*key);
    visit(*event);
  }
}

void OwnedSearch::look_for_theirs(const Event& event) {
  auto entities = entities_of(event);
  bool theirs =
      subject_.names(event.user) ||
      (event.user.empty() && std::ranges::any_of(entities, [&](auto& one) { return owned_.contains(one); }));
  if (!theirs) return;
  for (Entity& one : entities)
    if (!owned_.contains(one) && !shared_.contains(one)) fresh_.insert(std::move(one));
}

void OwnedSearch::look_for_others(const Event& event) {
  if (event.user.empty() || subject_.names(event.user)) return;
  for (Entity& one : entities_of(event))
    if (fresh_.erase(one) > 0) shared_.insert(std::move(one));
}

std::vector<EntityHash> OwnedSearch::hashes() const {
  std::vector<EntityHash> out;
  for (auto& [kind, key] : owned_) out.push_back(subject_.hash_of(kind, key));
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<std::vector<EntityHash>> find_owned(const DataDirectory& directory, const std::vector<Lsn>& through,
                                           const ErasureOrder& order) {
  return OwnedSearch(directory, through, order).run();
}

}  // namespace headrace
