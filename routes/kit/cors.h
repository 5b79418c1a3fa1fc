// Cross-origin requests of pages (the Fetch standard, CORS protocol): which origins' pages may read answers is the
// configuration's to say (cors_origins). Credentials are headers that a page sets itself, never cookies, so that
// Access-Control-Allow-Credentials is never said.
#pragma once

#include <string_view>

#include "src/net/http.h"

namespace headrace {

class Call;

// For every answer: whether the page may read it.
void add_cors(std::string_view origins, const Request& request, Call& call);

// For the answer to OPTIONS where a page asks first; `methods` as the Allow header has them.
void add_preflight(const Request& request, std::string_view methods, Call& call);

}  // namespace headrace
