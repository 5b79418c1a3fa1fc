// From documents to every loop. Made anew as a whole: changes are rare, and so there is one way to what is in force.
#include "src/settings/settings.h"

namespace headrace {
const SettingValue& LiveSettings::value(SettingId id, std::string_view tenant) const {
  if (!tenant.empty() && !stores.empty())
    if (auto found = stores.find(std::string(tenant)); found != stores.end())
      return found->second.values[static_cast<size_t>(id)];
  return all.values[static_cast<size_t>(id)];
}

Settings::Settings(Shards& shards, Loops& loops, Identity& identity, const SettingValues& start, Adopt adopt)
    : shards_(shards), loops_(loops), identity_(identity), start_(start), adopt_(std::move(adopt)), adopted_(loops.size()) {}

SharedSettings Settings::make() {
  const Documents& documents = shards_[0].partition().documents();
  auto live = std::make_shared<LiveSettings>();
  live->generation = ++generation_;
  live->all = config_in_force(documents, start_);
  live->stores = config_of_stores(documents, live->all);
  live->flags = all_flags(documents);
  return live;
}

void Settings::open() {
  SharedSettings live = make();
  for (size_t i = 0; i < loops_.size(); ++i) adopt_here(this, i, live);
}

// Two changes may be on their way to a loop at once: the older one comes to nothing.
void Settings::adopt_here(Settings* self, size_t loop, SharedSettings live) {
  if (live->generation <= self->adopted_[loop]) return;
  self->adopted_[loop] = live->generation;
  self->adopt_(loop, live);
}

Task<void> Settings::publish() {
  SharedSettings live = make();
  for (size_t i = 0; i < loops_.size(); ++i)
    while (!(co_await ask(loops_[i], adopt_here, this, i, live)).ok()) co_await sleep(try_again_us);
}

}  // namespace headrace
