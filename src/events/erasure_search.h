// find_owned(): the carts and sessions that were one person's alone, as far as the log says.
//
// A cart or session is the person's if an event names it together with them, or, without a user, together
// with something that is theirs; and no event names it together with another user.
#pragma once

#include <vector>

#include "codec/record.h"
#include "src/base/result.h"
#include "src/events/erasure_order.h"
#include "storage/directory.h"

namespace headrace {

// For a worker thread: reads the whole log twice or more. `through`: the last LSN of each partition.
Result<std::vector<EntityHash>> find_owned(const DataDirectory& directory, const std::vector<Lsn>& through,
                                           const ErasureOrder& order);

}  // namespace headrace
