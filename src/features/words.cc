// The table of synonyms.
#include "src/features/words.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace headrace::features {
namespace {

constexpr Synonym types[] = {
    {"view", "product_view"}, {"pv", "product_view"}, {"item_viewed", "product_view"},
    {"cart", "add_to_cart"},  {"buy", "purchase"},    {"fav", "wishlist_add"},
};

constexpr Synonym fields[] = {
    {"amount", "value"},
    {"item_id", "product_id"},
};

std::string_view meant(std::span<const Synonym> table, std::string_view said) {
  for (const Synonym& row : table) {
    if (row.said == said) return row.meant;
  }
  return said;
}

}  // namespace

std::span<const Synonym> type_synonyms() { return types; }
std::span<const Synonym> field_synonyms() { return fields; }

std::string_view canonical_type(std::string_view type) { return meant(types, type); }
std::string_view canonical_field(std::string_view field) { return meant(fields, field); }

uint64_t identity_of(std::string_view text) {
  uint64_t hash = XXH3_64bits(text.data(), text.size());
  return hash == 0 ? 1 : hash;
}

uint32_t field_hash(std::string_view canonical_name) {
  return static_cast<uint32_t>(XXH3_64bits(canonical_name.data(), canonical_name.size()));
}

}  // namespace headrace::features
