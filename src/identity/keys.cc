// The bootstrap key is a document of the control partition; its value is the hash and nothing else.
#include "src/identity/keys.h"

#include <openssl/sha.h>

#include <cstring>

#include "src/base/random.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

constexpr std::string_view bootstrap_id = "bootstrap";

std::string_view bytes_of(const KeyHash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

}  // namespace

KeyHash hash_of_key(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

std::string make_key() { return "hr_" + make_secret(); }

Result<Bootstrap> bootstrap_admin_key(Partition& control, std::string_view preset) {
  Bootstrap out;
  auto stored = control.documents().find(tables::admin_keys, bootstrap_id);
  KeyHash hash;
  if (preset.empty() && stored && stored->size() == hash.size()) {
    std::memcpy(hash.data(), stored->data(), hash.size());
    out.admins.push_back(hash);
    return out;
  }
  if (preset.empty()) out.made = make_key();
  hash = hash_of_key(preset.empty() ? std::string_view(out.made) : preset);
  out.admins.push_back(hash);
  if (stored && *stored == bytes_of(hash)) return out;
  Change change;
  change.put(tables::admin_keys, bootstrap_id, bytes_of(hash));
  Result<Lsn> written = control.commit(change);
  if (!written.ok()) return written.problem();
  return out;
}

}  // namespace headrace
