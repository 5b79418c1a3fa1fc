// Signals over uv_signal_t.
#include "src/runtime/signals.h"

#include <uv.h>

#include "src/base/check.h"

namespace headrace {

struct Signals::State {
  std::vector<uv_signal_t> handles;
  std::function<void(int)> function;
  size_t open;
};

Signals::Signals(Loop& loop, const std::vector<int>& watched, std::function<void(int signal)> function)
    : state_(new State{std::vector<uv_signal_t>(watched.size()), std::move(function), watched.size()}) {
  for (size_t i = 0; i < watched.size(); ++i) {
    uv_signal_t* handle = &state_->handles[i];
    CHECK(uv_signal_init(loop.uv(), handle) == 0);
    handle->data = state_;
    auto call = [](uv_signal_t* caught, int number) { static_cast<State*>(caught->data)->function(number); };
    CHECK(uv_signal_start(handle, call, watched[i]) == 0);
  }
}

Signals::~Signals() {
  for (auto& handle : state_->handles) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* closed) {
      auto* state = static_cast<State*>(closed->data);
      if (--state->open == 0) delete state;
    });
  }
}

}  // namespace headrace
