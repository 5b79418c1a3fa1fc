// THE limits: every queue, body, page, pool and time of the program, and how they relate.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/base/time.h"

namespace headrace::limits {

// HTTP (src/net)
inline constexpr size_t target_bytes_max = 8 * 1024;
inline constexpr size_t header_bytes_max = 32 * 1024;  // all header fields of one request together
inline constexpr size_t header_count_max = 100;
inline constexpr size_t body_bytes_max = 16 * 1024 * 1024;           // after decompression, unless a route says less
inline constexpr size_t compressed_body_bytes_max = 8 * 1024 * 1024;
inline constexpr size_t unrouted_body_bytes_max = 64 * 1024;         // of requests that no route matches
inline constexpr size_t pipelined_requests_max = 64;                 // unanswered on one connection
inline constexpr size_t connection_output_bytes_max = 1024 * 1024;   // above this the connection is not read
inline constexpr size_t connections_max = 20'000;                    // per loop
inline constexpr Micros headers_timeout_us = 10 * second_us;
inline constexpr Micros body_timeout_us = 60 * second_us;
inline constexpr Micros idle_timeout_us = 75 * second_us;
inline constexpr Micros write_timeout_us = 30 * second_us;
inline constexpr Micros drain_timeout_us = 5 * second_us;
inline constexpr Micros drain_idle_us = 250'000;                     // what a draining idle connection is still given
inline constexpr Micros linger_timeout_us = 2 * second_us;           // a refused client may read its answer this long
inline constexpr size_t linger_bytes_max = 1024 * 1024;              // ...while at most this much of it is thrown away
inline constexpr size_t write_progress_bytes_min = 64 * 1024;        // a reader slower than this per write timeout is cut off
inline constexpr size_t chunk_extension_bytes_max = 1024;            // per request
inline constexpr size_t chunk_framing_bytes_base = 16 * 1024;        // chunk framing: at most this...
inline constexpr size_t chunk_framing_per_byte_max = 8;              // ...plus this many bytes per byte of body
inline constexpr size_t leading_empty_lines_max = 2;                 // before a request line (RFC 9112 2.2)
inline constexpr size_t read_bytes = 64 * 1024;                      // one read; the buffer is the loop's
inline constexpr size_t padding_bytes = 64;                          // readable behind every body, for SIMD parsers
inline constexpr size_t kept_output_bytes_max = 8 * 1024;            // an idle connection keeps no larger buffer
inline constexpr int accept_backlog = 1024;

// Loops (src/runtime)
inline constexpr size_t loops_max = 64;
inline constexpr size_t ring_messages_max = 2048;                    // per pair of loops, and asks in flight on it
inline constexpr size_t inbox_messages_max = 16 * 1024;              // posted by threads that are no loops of the group
inline constexpr size_t settle_rounds_max = 8;                       // of one iteration's end
inline constexpr size_t pooled_frame_bytes_max = 2048;               // coroutine frames up to this size are pooled
inline constexpr size_t pooled_frames_max = 4096;                    // per thread and size class of 64 bytes

// JSON (codec)
inline constexpr size_t json_depth_max = 64;

// Storage
inline constexpr size_t partitions_max = 256;
inline constexpr size_t segment_bytes = 64 * 1024 * 1024;
inline constexpr size_t batch_bytes_close = 256 * 1024;              // an open batch is closed at this size...
inline constexpr Micros batch_age_close_us = 2'000;                  // ...or this age
inline constexpr Micros batch_age_lazy_us = 5'000;                    // ...or this one, if nobody waits for it
inline constexpr size_t open_batch_bytes_max = 8 * 1024 * 1024;      // above this, writes are refused (503)
inline constexpr size_t record_bytes_max = 1024 * 1024;
inline constexpr size_t inline_value_bytes_max = 2048;
inline constexpr size_t key_bytes_max = 256;                         // of an entity or document key
inline constexpr size_t checkpoint_dirty_pages = 2'000;
inline constexpr Micros checkpoint_age_us = 1 * second_us;
inline constexpr size_t dirty_pages_max = 32'000;
inline constexpr Micros checkpoint_settle_us = 50'000;               // so long it tries without waiting for the log...
inline constexpr Micros checkpoint_wait_us = 10'000;                 // ...then it waits, at most this
inline constexpr size_t state_map_bytes = size_t{256} << 30;         // address space of one LMDB environment
inline constexpr size_t row_bytes_max = 512 * 1024 * 1024;           // per partition: clean rows above it are evicted
inline constexpr size_t rows_behind_max = 4'096;                     // written behind by one checkpoint...
inline constexpr size_t rows_behind_step = 256;                      // ...and by one step of it
inline constexpr uint64_t replay_records_max = 2'000'000;            // a longer replay makes checkpoints follow at once
inline constexpr uint64_t free_bytes_min = uint64_t{1} << 30;        // of disk; or 5 %, if that is more
inline constexpr size_t first_segment_bytes = 1024 * 1024;           // zero-filled before the first record
inline constexpr size_t log_mark_bytes = 64 * 1024;                  // distance of positions remembered for replay

// Dedup index (storage/id_index.h), per partition
inline constexpr size_t id_table_entries = 512 * 1024;               // of the memory table; 24 MiB at 48 bytes each
inline constexpr size_t id_table_growth_max = 4;                     // times that, while a write is late
inline constexpr size_t id_filter_bytes_max = 256 * 1024 * 1024;     // 178 million ids at 12 bits; then the oldest go
inline constexpr size_t id_runs_max = 8;                             // above it, runs are merged
inline constexpr Micros id_retry_us = 200'000;                       // after a failed write of a run

// Folds between partitions
inline constexpr size_t fold_batch_bytes_max = 512 * 1024;          // of one fold record
inline constexpr size_t fold_outbox_bytes_max = 64 * 1024 * 1024;   // waiting for one target; above, 503

// Predictions
inline constexpr size_t prediction_cache_entries = 10'000;  // per partition
inline constexpr size_t predict_batch_max = 1'000;          // carts of one request

// Queries
inline constexpr size_t page_limit_max = 1'000;
inline constexpr size_t page_offset_max = 1'000'000;
inline constexpr size_t query_records_max = 2'000'000;      // read for one page; the cursor then says where to go on
inline constexpr size_t query_bytes_max = 8 * 1024 * 1024;  // of events in one page
inline constexpr size_t worker_threads = 2;
inline constexpr size_t worker_queue_max = 256;

// Events
inline constexpr size_t batch_events_max = 10'000;
inline constexpr size_t event_bytes_max = 256 * 1024;
inline constexpr Micros event_ahead_max_us = day_us;  // a later time would push all recent events out of windows
inline constexpr size_t event_type_bytes_max = 128;
inline constexpr size_t event_id_bytes_max = 128;

// Features
inline constexpr size_t feature_definitions_max = 64;                // per kind of entity
inline constexpr size_t feature_clauses_max = 64;                    // bits of Observation::matched
inline constexpr size_t feature_fields_max = 16;                     // slots, the constant included
inline constexpr size_t feature_name_bytes_max = 64;                 // of a definition, a field, an event type
inline constexpr size_t feature_points_max = 512;                    // recent events kept one by one, per entity
inline constexpr size_t feature_sparse_max = 128;                    // different values counted exactly, per sketch
inline constexpr Micros feature_horizon_us = 7 * day_us;             // how far back points reach
inline constexpr Micros session_gap_us = 30 * minute_us;             // a longer silence starts a new session
inline constexpr Micros dwell_gap_max_us = 30 * minute_us;           // a longer gap counts as this much dwell
inline constexpr double feature_value_max = 9e12;                    // a larger magnitude counts as missing

// Models (src/scoring)
inline constexpr size_t model_bytes_max = 64 * 1024 * 1024;
inline constexpr size_t model_features_max = 4'096;
inline constexpr size_t model_trees_max = 10'000;
inline constexpr size_t model_nodes_max = 4'000'000;                 // of all trees of a model
inline constexpr size_t tree_nodes_max = 65'535;                     // offsets between nodes have 16 bits
inline constexpr size_t tree_depth_max = 64;
inline constexpr size_t models_max = 256;                            // in one set

static_assert(event_bytes_max < record_bytes_max);
static_assert(fold_batch_bytes_max < record_bytes_max);
static_assert(record_bytes_max < open_batch_bytes_max);
static_assert(compressed_body_bytes_max <= body_bytes_max);
static_assert(open_batch_bytes_max < segment_bytes);
static_assert(checkpoint_dirty_pages < dirty_pages_max);
static_assert(target_bytes_max + header_bytes_max < read_bytes);
static_assert((ring_messages_max & (ring_messages_max - 1)) == 0);

}  // namespace headrace::limits
