// Words: the canonical spelling of event types and fields, and the hash that stands for a text.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace headrace::features {

struct Synonym {
  std::string_view said, meant;
};

// What producers also call the shopping events and fields.
std::span<const Synonym> type_synonyms();
std::span<const Synonym> field_synonyms();

std::string_view canonical_type(std::string_view type);
std::string_view canonical_field(std::string_view field);

// XXH3-64 of the text, but never 0, which means that there is none.
uint64_t identity_of(std::string_view text);

// What a fold payload calls a field.
uint32_t field_hash(std::string_view canonical_name);

}  // namespace headrace::features
