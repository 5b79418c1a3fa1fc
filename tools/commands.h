// The subcommands of headrace that work on a data directory. Each returns the exit status of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/server/config.h"

namespace headrace {

// Records as JSON lines on stdout, partition by partition.
int log_cat(const std::string& data, uint64_t from, std::optional<uint32_t> partition);
// Every segment, batch and chain is checked; ranges and counts are printed. 1 where something is damaged.
int log_verify(const std::string& data);
// What there is, without reading the batches.
int log_info(const std::string& data);
// Rebuilds the state from the log alone and compares digests. 1 where they differ.
int replay_verify(const Config& config);
// The digest of the live state.
int state_digest(const Config& config);

}  // namespace headrace
