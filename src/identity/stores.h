// Stores: tenants that sell, as decisions over documents.
#pragma once

#include <optional>
#include <string>

#include "src/identity/effects.h"

namespace headrace {

struct PutStore {
  std::string id;  // to change; empty: a new one
  std::optional<std::string> name, domain, currency, timezone;
  std::optional<bool> active;
};
Result<Store> decide_create_store(const Documents& documents, const PutStore& want, const Stamp& stamp, Effects& effects);
Result<Store> decide_update_store(const Documents& documents, const PutStore& want, const Stamp& stamp, Effects& effects);
// Who belongs to it keeps the tenant; it has no store any more.
Result<Store> decide_delete_store(const Documents& documents, const std::string& id, const Stamp& stamp, Effects& effects);

// All settings in the place of those that were; `json` is an object. With a version: only if it is still that one.
struct PutSettings {
  std::string id, json;
  std::optional<int64_t> version;
};
Result<Store> decide_put_settings(const Documents& documents, const PutSettings& want, const Stamp& stamp,
                                  Effects& effects);

Result<Store> find_store(const Documents& documents, const std::string& id);

}  // namespace headrace
