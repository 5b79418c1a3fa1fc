// What a server says on stderr of what it does by itself.
#pragma once

#include <cstdint>
#include <string>

#include "storage/checkpoint_store.h"
#include "storage/partition.h"
#include "storage/segment_rewriter.h"

namespace headrace {

// For people, at the start.
void show_new_key(const std::string& key);
void show_example(const std::string& url, const std::string& made);

// Lines of the log. What a start found: how much was replayed says how long a start after a crash takes.
void log_recovery(const RecoveryReport& report, uint32_t partition);
void log_rewrite(const RewriteReport& report, uint32_t partition);
void log_base(const Checkpoint& base, uint32_t partition);

}  // namespace headrace
