// JSON Schema (2020-12, as OpenAPI 3.1 embeds it) of a type with a shape.
#pragma once

#include <string>

#include "codec/shape.h"

namespace headrace {

// Appends the schema of `type` under the rules of the field that holds it.
void write_schema(const TypeInfo& type, const Rules& rules, std::string& out);

}  // namespace headrace
