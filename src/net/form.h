// The parts of a form as browsers and `curl -F` send it: multipart/form-data (RFC 7578, in the syntax of RFC 2046, 5.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace {

// One field, or one file. The views are of the body it was read from.
struct FormPart {
  std::string name, filename;     // as the form says them, escapes undone
  std::string_view content_type;  // empty where the part has none
  std::string_view content;
};

bool is_form(std::string_view content_type);

// All parts of a whole body, in order. Strict where the RFCs leave no doubt: lines end with CR LF, every part has a name, the last
// boundary is there; what stands before the first one and behind the last is ignored. Limits: limits::form_parts_max,
// limits::form_header_bytes_max for each.
// Errors: invalid_input, its field "Content-Type" where the boundary is missing or none, else "form".
Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace headrace
