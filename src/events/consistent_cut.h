// consistent_cut(): where to end the logs of all partitions, so that none has folded an event that its source lost.
//
// A fold record tells of events of another partition. Where an event is cut off and the fold stays, the entity has seen
// what no log holds, and its home would take later events of that source for ones it has seen (by rank). So the target
// is cut before the first such record; what that cuts off may have been folded elsewhere, and so on until nothing
// changes. The other way round, an event that stays while its fold is cut off, a start mends by itself: it sends the
// fold again, as after a crash (docs/decisions/0006-bases.md says for which bases that holds).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "src/base/result.h"
#include "src/features/plan.h"
#include "storage/directory.h"

namespace headrace {

struct WantedCut {
  std::vector<std::optional<uint64_t>> last;  // by partition: the last LSN that stays; nothing: all that fits
  std::optional<Micros> time;                 // no record ingested later stays, nor any behind such a one
};

struct Cut {
  std::vector<uint64_t> last;
  std::optional<Micros> first_left_out;  // the time of the earliest record cut off
};

Result<Cut> consistent_cut(const std::vector<PartitionPlace>& places, const WantedCut& wanted,
                           const features::Plan& plan);

}  // namespace headrace
