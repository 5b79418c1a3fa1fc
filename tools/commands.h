// The subcommands of headrace that work on a data directory. Each returns the exit status of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/server/config.h"
#include "storage/directory.h"

namespace headrace {

// Records as JSON lines on stdout, partition by partition.
int log_cat(const std::string& data, uint64_t from, std::optional<uint32_t> partition);
// The newest records of each partition, and with `follow` what comes.
struct TailOptions {
  uint64_t records = 10;  // of each partition
  bool follow = false;
  std::optional<uint32_t> partition;
};
int log_tail(const std::string& data, const TailOptions& options);
// Events that match, partition by partition.
struct ExportOptions {
  std::string format = "ndjson";  // or csv
  std::string from, to;           // event time, from <= time < to; empty: any
  std::string type, user;
  std::string tenant;  // only its events, and its user; empty: events of everybody, the platform's user
};
int log_export(const std::string& data, const ExportOptions& options);
// Events as NDJSON into a running server. 1 where one was rejected.
struct ImportOptions {
  std::string url = "http://127.0.0.1:8080", key, file = "-";
  std::string tenant;  // of the key; lines of others are left out
};
int log_import(const ImportOptions& options);
// Every segment, batch and chain is checked; ranges and counts are printed. 1 where something is damaged.
int log_verify(const std::string& data);
// Damaged segments are written anew without what is lost, if exactly that is accepted. The server must be
// stopped.
struct RepairCommand {
  uint32_t partition = 0;
  std::vector<std::string> accepted;  // "FIRST..LAST"
  std::string by;                     // empty: the user of the process
};
int log_repair(const std::string& data, const RepairCommand& command);
// What there is, without reading the batches.
int log_info(const std::string& data);
// Rebuilds the state from the log alone and compares digests. 1 where they differ, 3 where a hole of the log is why.
int replay_verify(const Config& config);
// The same data in a new directory with another number of partitions.
struct RepartitionWish {
  std::string into;
  uint32_t partitions = 0;
};
int repartition_data(const Config& config, const RepartitionWish& wish);
// Calls a URL as the server would, and prints who answered. 1 where it may not, or nobody did.
struct CallCommand {
  std::string url, body;
};
int call_url(const Config& config, const CallCommand& command);
// The digest of the live state.
int state_digest(const Config& config);
// A base of each partition.
int make_bases(const Config& config);

// A copy of bases and log, beside a running server or not; or only a check of one that is there. 1 where it is not whole.
struct BackupCommand {
  std::string data = "./data", into;
  bool verify_only = false;
};
int backup(const BackupCommand& command);
// A data directory from a backup, whole or as it was.
struct RestoreCommand {
  std::string from, into;
  std::vector<std::string> lsns;  // PARTITION:LSN
  std::string time;
};
int restore_directory(const RestoreCommand& command);
// The state as it was, as JSON lines; also beside a running server.
struct StateAtCommand {
  uint64_t lsn = 0;  // 0: by time
  std::string time;
  std::optional<uint32_t> partition;
  std::vector<std::string> entities;  // KIND:ID
  std::string tenant;                 // of them; empty: the platform
};
int state_at(const Config& config, const StateAtCommand& command);

// Features as they were at the moments of labels (src/training/training_set.h).
struct TrainingSetOptions {
  std::string labels;       // a CSV file, or - for stdin...
  std::string label_event;  // ...or made from the log: whether this type of event follows
  std::string horizon = "24h", at = "prediction";
  std::string entity_kind = "cart", time = "ingested", format = "csv";
  std::vector<std::string> features;  // all where neither they nor a model are named
  std::string model;
  std::string tenant;  // of the entities; empty: the platform
  std::string out;     // empty: stdout
};
int training_set(const Config& config, const TrainingSetOptions& options);
// Removes a person from the directory; prints the erasure as JSON, with its certificate. 1 where it did not end well.
int erase_user(const Config& config, const std::string& user, const std::string& tenant);
// Makes the state anew without what was freed in it.
int compact(const Config& config);

// What the commands share: a directory that a server may be running on; a problem said on stderr.
Result<std::unique_ptr<DataDirectory>> open_to_read(const std::string& data,
                                                    std::optional<uint32_t> partition);
int exit_status(const Result<>& done);

}  // namespace headrace
