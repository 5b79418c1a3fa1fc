// Scoped keys: what a tenant's credentials bring and ask for is kept apart from everybody else's by the key itself, so that what
// lies below the routes (dedup, homes, features, caches, segments, replay, repartition) need not know of tenants.
//
//   scoped := key                of the platform
//           | tenant 0xFF key    of a tenant; 0xFF occurs in no UTF-8, so no producer can write one (RFC 3629 section 1)
#pragma once

#include <string>
#include <string_view>

namespace headrace {

inline constexpr char scope_end = '\xFF';

// `key` as what belongs to `tenant`, which is empty for the platform. An empty key names nothing and stays empty.
inline std::string scoped(std::string_view tenant, std::string_view key) {
  std::string out;
  if (key.empty()) return out;
  if (!tenant.empty()) (out = tenant) += scope_end;
  return out.append(key);
}

// Empty for the platform.
inline std::string_view tenant_in(std::string_view scoped) {
  size_t end = scoped.find(scope_end);
  return end == scoped.npos ? std::string_view() : scoped.substr(0, end);
}

// As its tenant calls it.
inline std::string_view key_in(std::string_view scoped) {
  return scoped.substr(scoped.find(scope_end) + 1);  // npos + 1 is 0
}

}  // namespace headrace
