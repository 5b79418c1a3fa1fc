// Faults: what the simulator must notice, each a rule of the protocol left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/sim/simulated_disk.h"

namespace headrace::sim {

enum class Fault : uint8_t {
  none,
  rule_r,            // commits go on while a checkpoint is being made durable
  state_before_log,  // the state is committed before its records are durable
  lent_state,        // commits go on while a state is lent
  log_sync,          // fdatasync of the log does nothing
  directory_sync,    // fsync of a directory does nothing
  no_crc,            // every CRC32C is right
  older_meta,        // after a crash the older of LMDB's meta pages is believed, not CKPT
  early_ack,         // acknowledged when applied
};

struct FaultName {
  Fault fault;
  std::string_view name, about;
};
inline constexpr FaultName fault_names[] = {
    {Fault::rule_r, "rule_r", "commits while a checkpoint is being made durable"},
    {Fault::state_before_log, "state_before_log", "LMDB commit before the log is durable"},
    {Fault::lent_state, "lent_state", "commits take the pages of a state that is lent"},
    {Fault::log_sync, "log_sync", "the log's fdatasync is skipped"},
    {Fault::directory_sync, "directory_sync", "fsync of directories is skipped"},
    {Fault::no_crc, "no_crc", "CRC32C is not checked, and bits flip"},
    {Fault::older_meta, "older_meta", "the older meta page is believed instead of CKPT"},
    {Fault::early_ack, "early_ack", "acknowledged before it is durable"},
};

// Of the whole process; set before storage is used.
void choose(Fault fault);
Fault chosen_fault();

// What the disk does in its stead.
Verdict faulty(const Operation& operation);

}  // namespace headrace::sim
