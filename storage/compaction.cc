// In the order in which a start may be interrupted.
#include "storage/compaction.h"

#include "storage/base.h"
#include "storage/kill_point.h"
#include "storage/recovery.h"

namespace headrace {

namespace {

// Of every generation. The folder of the first stays, or comes back: a back-fill removed it.
Result<> remove_states(Disk& disk, const PartitionPlace& place) {
  TRY_DONE(disk.create_directory(place.state()));
  auto names = disk.list(place.path);
  if (!names) return names.problem();
  for (const std::string& name : *names)
    if (name.starts_with("state.")) TRY_DONE(remove_state(disk, place.path + "/" + name));
  for (const char* name : {"/data.mdb", "/lock.mdb"}) TRY_DONE(disk.remove(place.state() + name));
  TRY_DONE(disk.sync_directory(place.state()));
  return disk.sync_directory(place.path);
}

}  // namespace

Result<> forget_state(Disk& disk, const PartitionPlace& place) {
  auto bases = list_bases(disk, place);
  if (!bases) return bases.problem();
  if (bases->empty()) return Problem(Error::storage_io, place.path, "There is no base to begin with");
  auto verified = verify_base(disk, place, bases->front());
  if (!verified) return verified.problem();
  kill_point("in_compaction");
  {
    auto slots = CheckpointStore::open(disk, place);
    if (!slots) return slots.problem();
    TRY_DONE((*slots)->invalidate());  // no slot may name a commit of the file that goes
  }
  kill_point("in_compaction");
  TRY_DONE(remove_states(disk, place));
  kill_point("in_compaction");
  for (size_t i = 1; i < bases->size(); ++i) TRY_DONE(delete_base(disk, place, (*bases)[i]));
  return Done{};
}

}  // namespace headrace
