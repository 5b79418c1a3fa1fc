// The names of entity kinds, aggregates and windows.
#include "src/features/definition.h"

namespace headrace::features {
namespace {

constexpr std::string_view kinds[entity_kinds] = {"cart", "user", "session"};
constexpr std::string_view aggregates[] = {"count",   "sum",  "min",      "max",        "mean",
                                           "first",   "last", "distinct", "time_since", "rate",
                                           "seconds", "hour", "month",    "weekend"};
constexpr std::string_view windows[window_kinds] = {"all_time", "5m", "1h", "24h", "7d", "session"};

static_assert(std::size(aggregates) == static_cast<size_t>(Aggregate::weekend) + 1);
static_assert(static_cast<size_t>(Window::session) + 1 == window_kinds);

}  // namespace

std::string_view name_of(EntityKind kind) { return kinds[static_cast<size_t>(kind)]; }
std::string_view name_of(Aggregate aggregate) { return aggregates[static_cast<size_t>(aggregate)]; }
std::string_view name_of(Window window) { return windows[static_cast<size_t>(window)]; }

}  // namespace headrace::features
