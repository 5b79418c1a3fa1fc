// redact(): a JSON text without a person's id: where it stands on its own inside a string, "erased" stands
// instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/events/erasure_subject.h"

namespace headrace {

// Nothing where the id is not in `json`. A string that writes it with escapes is replaced whole.
std::optional<std::string> redact(std::string_view json, const Subject& subject);

}  // namespace headrace
