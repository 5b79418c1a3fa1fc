// Definitions added through the API: documents of the control partition, beside those of the program and of
// the configuration.
#pragma once

#include <span>
#include <vector>

#include "src/base/result.h"
#include "src/features/definition.h"
#include "storage/directory.h"
#include "storage/documents.h"

namespace headrace {

namespace tables {
inline constexpr uint8_t feature_definitions = 2;  // entity/name -> the definition; part of the log format
}

namespace features {

std::string document_key(const Definition& definition);

// In the order of their keys.
Result<std::vector<Definition>> added_definitions(const Documents& documents);

// The same from the log of the control partition, for those who may not open its state.
Result<std::vector<Definition>> added_in_log(const PartitionPlace& control);

// All of `configured`, then those of `added` whose names are free.
std::vector<Definition> merge(std::span<const Definition> configured, std::span<const Definition> added);

}  // namespace features
}  // namespace headrace
