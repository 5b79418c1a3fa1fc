// The environment is read once; without it a kill point is one load and one branch.
#include "storage/kill_point.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace headrace {
namespace {

struct Target {
  std::string name;
  std::atomic<long> left{0};
};

Target* read_target() {
  const char* text = std::getenv("HEADRACE_KILL_POINT");
  std::string_view whole = text == nullptr ? "" : text;
  size_t colon = whole.find(':');
  if (whole.empty()) return nullptr;
  auto* target = new Target;  // lives as long as the process
  target->name = whole.substr(0, colon);
  target->left = colon == std::string_view::npos ? 1 : std::atol(text + colon + 1);
  return target;
}

}  // namespace

void kill_point(std::string_view name) {
  static Target* const target = read_target();
  if (__builtin_expect(target == nullptr, 1)) return;
  if (target->name == name && --target->left == 0) ::kill(::getpid(), SIGKILL);
}

}  // namespace headrace
