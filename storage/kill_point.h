// kill_point(): a named place at which tests let the process die as by kill -9.
#pragma once

#include <string_view>

namespace headrace {

// Kills this process when the environment holds HEADRACE_KILL_POINT=name:count and this is the count-th time
// that `name` is passed. Names: after_append, before_sync, after_sync, in_checkpoint, in_ckpt_write,
// in_repack, in_base, in_backfill, before_switch, in_switch, after_switch, in_retention, in_erase, in_compaction,
// in_keyed_call; at_file_change is before each directory that is made or synced and each name that is changed or removed.
void kill_point(std::string_view name);

}  // namespace headrace
