// Content codings of HTTP bodies (RFC 9110 section 8.4): gzip, deflate and zstd, with a cap on what comes out.
#pragma once

#include <string>
#include <string_view>

#include "src/base/result.h"

namespace headrace {

// Decodes `body`, which has the content coding `coding` (as in the header field), into `out`. Error::body_too_large
// as soon as more than `bytes_max` would come out; Error::unsupported_media_type for codings not known here.
Result<> decode_content(std::string_view coding, std::string_view body, size_t bytes_max, std::string& out);

}  // namespace headrace
