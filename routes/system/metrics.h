// The handler of GET /metrics.
#pragma once

#include "routes/kit/handler.h"
#include "routes/system/snapshot.h"

namespace headrace {

Task<Result<Page>> metrics(Call& call);

}  // namespace headrace
