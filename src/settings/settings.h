// Settings: the configuration in force, as every loop sees it.
//
// Operation: a change is decided and made durable as one of identity is (identity.h); then publish() makes what is in force
// anew from the documents and hands it to every loop, and only then the change is answered. What a loop holds never
// changes; a newer one takes its place. Lives on: the loop of the control partition, but for change() and look(), which
// any loop may call. Limits: limits::stores_max stores with values of their own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "src/identity/identity.h"
#include "src/runtime/timer.h"
#include "src/settings/configuration.h"
#include "src/settings/flags.h"

namespace headrace {

struct LiveSettings {
  uint64_t generation = 0;
  ConfigInForce all;
  std::unordered_map<std::string, ConfigInForce> stores;
  Flags flags;

  // As who belongs to `tenant` has it.
  const SettingValue& value(SettingId id, std::string_view tenant = {}) const;
  int64_t integer(SettingId id, std::string_view tenant = {}) const {
    return static_cast<int64_t>(value(id, tenant).number);
  }
};
using SharedSettings = std::shared_ptr<const LiveSettings>;

class Settings {
  static constexpr Micros try_again_us = 5'000;  // where the way to a loop is full

 public:
  // On the loop of that index: from now on these hold.
  using Adopt = std::function<void(size_t loop, const SharedSettings& live)>;

  Settings(Shards& shards, Loops& loops, Identity& identity, const SettingValues& start, Adopt adopt);

  // Before the loops run.
  void open();

  const SettingValues& start() const { return start_; }

  // Any loop. Answers when the change is durable and every loop goes by it.
  template <class Out, class Want>
  Task<Result<Out>> change(Result<Out> (*decide)(const Documents&, const Want&, const Stamp&, Effects&), Want want) {
    Result<Out> out = co_await identity_.change(decide, std::move(want));
    if (!out.ok()) co_return out;
    Result<> told = co_await ask(identity_.loop(), publish_here, this);
    while (!told.ok()) {
      co_await sleep(try_again_us);
      told = co_await ask(identity_.loop(), publish_here, this);
    }
    co_return out;
  }
  template <class Out, class Want>
  auto look(Result<Out> (*read)(const Documents&, const Want&), Want want) {
    return identity_.look(read, std::move(want));
  }

 private:
  static Task<void> publish_here(Settings* self) { return self->publish(); }
  static void adopt_here(Settings* self, size_t loop, SharedSettings live);
  SharedSettings make();
  Task<void> publish();

  Shards& shards_;
  Loops& loops_;
  Identity& identity_;
  const SettingValues start_;
  const Adopt adopt_;
  uint64_t generation_ = 0;
  std::vector<uint64_t> adopted_;  // generations, by loop; each belongs to its loop
};

}  // namespace headrace
