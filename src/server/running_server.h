// RunningServer: everything of one run of the server (server.cc), and what of it can be made anew meanwhile (restart.cc).
#pragma once

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "routes/kit/app.h"
#include "src/identity/identity.h"
#include "src/runtime/gate.h"
#include "src/server/config.h"
#include "src/server/dispatch.h"
#include "src/server/edge.h"
#include "src/server/router.h"

namespace headrace {

// Everything of one run, in the order in which it is made.
class RunningServer {
 public:
  explicit RunningServer(const Config& config) : config_(config) {}

  Result<> run();
  Result<> run_offline(Task<void> (RunningServer::*work)());
  Task<void> erase();
  Task<void> compact();

  std::string user, tenant;           // of erase()
  Result<Erasure> erased = Erasure{};  // its outcome

 private:
  void adopt(size_t loop, const SharedSettings& live);
  struct OnLoop {
    std::unique_ptr<Dispatch> dispatch;
    std::vector<std::unique_ptr<Listener>> listeners;
    Gate retiring;  // listeners that others have taken over from
  };

  Result<> open();
  Result<> open_data(bool may_create);
  std::shared_ptr<const features::Plan> with_added(std::shared_ptr<const features::Plan> configured);
  void keep_segments();
  Result<> make_keys();
  void make_app();
  Result<> serve();
  void live(Loop& loop, std::latch& listening);
  Task<void> listen(Loop& loop, std::latch& listening);
  void announce() const;
  void signalled(int signal);
  void stop_once(int signal);
  static Task<void> drain_all(const std::vector<std::unique_ptr<Listener>>& listeners);
  Task<void> reload();
  Task<Result<>> restart_listeners();
  Task<Result<>> reload_certificates();
  Task<Result<>> reload_models();
  static Result<> reopen(RunningServer* self, size_t loop);
  static Task<void> retire(RunningServer* self, size_t loop, std::vector<std::unique_ptr<Listener>> old, Gate::Pass pass);
  static void adopt_models(RunningServer* self, size_t loop, std::shared_ptr<const ModelSet> models);
  Task<void> shut_down();
  Task<void> close_shards();
  Task<void> work_and_stop(Task<void> (RunningServer::*work)());
  void start_shards(Loop& loop);
  void fail(const Problem& problem);

  const Config& config_;
  std::unique_ptr<DataDirectory> directory_;
  std::shared_ptr<const ModelSet> models_;
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Shards> shards_;
  std::unique_ptr<Backfill> backfill_;
  std::unique_ptr<SegmentKeeper> keeper_;  // asks the back-fill
  std::string made_key_;
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<Offload> workers_;
  std::unique_ptr<Erasures> erasures_;
  std::unique_ptr<App> app_;
  std::unique_ptr<Router> router_;
  TrustedProxies proxies_;
  std::unique_ptr<Edge> edge_;
  std::vector<OnLoop> on_loop_;
  std::atomic<bool> listening_{false};  // all loops
  std::mutex mutex_;
  Result<> outcome_ = Done{};
};

}  // namespace headrace
