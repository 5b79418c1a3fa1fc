// THE limits: every queue, body, page, pool and time of the program, and how they relate.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/base/time.h"

namespace headrace::limits {

// The program's own log (src/base/log.h)
inline constexpr size_t log_queue_bytes_max = 1024 * 1024;  // waiting for stderr; the rest is dropped, counted
inline constexpr size_t log_block_bytes = 64 * 1024;        // a loop hands its lines over at this size
inline constexpr Micros log_gather_us = 10'000;             // lines wait so long, to be written together
inline constexpr Micros log_flush_us = 500'000;             // an ending process gives stderr this long

// HTTP (src/net)
inline constexpr size_t target_bytes_max = 8 * 1024;
inline constexpr size_t header_bytes_max = 32 * 1024;  // all header fields of one request together
inline constexpr size_t header_count_max = 100;
inline constexpr size_t body_bytes_max = 16 * 1024 * 1024;           // after decompression, unless a route says less
inline constexpr size_t compressed_body_bytes_max = 8 * 1024 * 1024;
inline constexpr size_t form_parts_max = 64;                         // of multipart/form-data
inline constexpr size_t form_header_bytes_max = 8 * 1024;            // ...header fields of one of them
inline constexpr size_t unrouted_body_bytes_max = 64 * 1024;         // of requests that no route matches
inline constexpr size_t pipelined_requests_max = 64;                 // unanswered on one connection
inline constexpr size_t connection_output_bytes_max = 1024 * 1024;   // above this the connection is not read
inline constexpr size_t connections_max = 20'000;                    // per listener and loop
inline constexpr size_t descriptors_kept = 256;                      // of RLIMIT_NOFILE, for all that is no connection...
inline constexpr size_t descriptors_kept_per_partition = 32;         // ...and for its files
inline constexpr size_t connections_worth_starting = 32;             // with room for fewer a server does not start
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
inline constexpr size_t kept_answer_bytes_max = 256 * 1024;          // a loop keeps no larger buffer for its answers
inline constexpr int accept_backlog = 1024;

// WebSockets (src/net, codec/websocket.h)
inline constexpr size_t socket_message_bytes_max = 4 * 1024 * 1024;  // of one message, all its frames; unless a route says less
inline constexpr size_t socket_message_frames_max = 16 * 1024;
inline constexpr size_t socket_in_flight_bytes_max = 4 * 1024 * 1024;  // of messages without an answer: then it is not read
inline constexpr size_t socket_queue_bytes_max = 1024 * 1024;          // sent to one reader, and not written yet
inline constexpr size_t socket_bytes_max = 256 * 1024 * 1024;          // of all this, per loop; then 1013
inline constexpr Micros socket_ping_us = 30 * second_us;               // a silent client is asked...
inline constexpr Micros socket_pong_us = 20 * second_us;               // ...and has so long to answer
inline constexpr Micros socket_close_us = 2 * second_us;               // for the client's close frame behind ours

// TLS (src/net/tls.h)
inline constexpr Micros handshake_timeout_us = 10 * second_us;       // from the connection's begin to the end of the handshake
inline constexpr size_t handshakes_max = 4'096;                      // begun and not ended, per listener and loop; more are closed
inline constexpr size_t handshake_steps_max = 4;                     // of a listener and loop with the workers; the others wait on the loop
inline constexpr size_t tls_record_bytes_max = 16 * 1024 + 256;      // sealed, without its head (RFC 8446 5.2)
inline constexpr size_t sealed_bytes_max = read_bytes + tls_record_bytes_max;  // opened at once: a read, and what was kept
inline constexpr size_t client_chain_bytes_max = 32 * 1024;          // of a client's certificates
inline constexpr int client_chain_depth_max = 6;
inline constexpr size_t subject_bytes_max = 256;                     // of a client certificate
inline constexpr Micros ticket_key_us = 1 * hour_us;                 // a new key of session tickets this often
inline constexpr Micros ticket_lifetime_us = 2 * hour_us;            // of a session
inline constexpr size_t kept_sealed_bytes_max = 256 * 1024;          // a loop keeps no larger buffer for sealed output
inline constexpr size_t listeners_max = 64;

// Loops (src/runtime)
inline constexpr size_t loops_max = 64;
inline constexpr size_t ring_messages_max = 2048;                    // per pair of loops, and asks in flight on it
inline constexpr size_t inbox_messages_max = 16 * 1024;              // posted by threads that are no loops of the group
inline constexpr size_t settle_rounds_max = 8;                       // of one iteration's end
inline constexpr size_t small_batch_bytes_max = 8 * 1024;               // of a body of events, and of what it is read into
inline constexpr size_t kept_batch_bytes_max = 1024 * 1024;             // a loop keeps no larger one...
inline constexpr size_t large_batches_kept = 32;
inline constexpr size_t small_batches_kept = 1024;
inline constexpr size_t pooled_frame_bytes_max = 2048;               // coroutine frames up to this size are pooled
inline constexpr size_t pooled_frames_max = 4096;                    // per thread and size class of 64 bytes

// JSON (codec)
inline constexpr size_t json_depth_max = 64;

// Storage
inline constexpr size_t partitions_max = 256;
inline constexpr size_t segment_bytes = 64 * 1024 * 1024;             // unless configured otherwise:
inline constexpr size_t segment_bytes_min = 64 * 1024;
inline constexpr size_t segment_bytes_max = 1024 * 1024 * 1024;
inline constexpr size_t batch_bytes_close = 256 * 1024;              // an open batch is closed at this size, or when those who wait for it are there
inline constexpr Micros batch_age_lazy_us = 20'000;                  // ...or at this age, if nobody waits for it
inline constexpr Micros commit_wait_us_max = 500;                    // for those who are about to join a group commit
inline constexpr size_t open_batch_bytes_max = 8 * 1024 * 1024;      // above this, writes are refused (503)
inline constexpr Micros commit_delay_max_us = 3 * second_us;          // ...or while the disk has had a batch for so long
inline constexpr size_t record_bytes_max = 1024 * 1024;
inline constexpr size_t inline_value_bytes_max = 2048;
inline constexpr size_t key_bytes_max = 256;                         // of an entity or document key
inline constexpr size_t tenant_bytes_max = 64;
inline constexpr size_t scoped_key_bytes_max = tenant_bytes_max + 1 + key_bytes_max;  // of an entity (codec/scoped_key.h)
inline constexpr size_t checkpoint_dirty_pages = 2'000;                // a checkpoint begins; twice that: it is committed,
inline constexpr size_t checkpoint_pages_short = 8'000;             // but where memory for rows is short: that many
inline constexpr Micros checkpoint_age_us = 1 * second_us;
inline constexpr size_t dirty_pages_max = 32'000;
inline constexpr Micros checkpoint_settle_us = 50'000;               // so long it tries without waiting for the log...
inline constexpr Micros checkpoint_wait_us = 10'000;                 // ...then it waits, at most this
inline constexpr size_t write_back_bytes = 256 * 1024;               // of the state at a time, before its sync...
inline constexpr uint64_t write_back_pieces_max = 1024;               // larger ones of a large state
inline constexpr int write_back_pause = 3;                           // ...then a rest so many times as long
inline constexpr Micros write_back_rest_us_max = 20'000;
inline constexpr size_t state_map_bytes = size_t{256} << 30;         // address space of one LMDB environment
inline constexpr uint64_t state_check_bytes_max = 64 * 1024 * 1024;   // a state file up to this size is read whole at a start
inline constexpr size_t row_bytes_max = 512 * 1024 * 1024;           // per partition: clean rows above it are evicted
inline constexpr size_t evict_visits = 4096;                            // slots looked at per pump
inline constexpr size_t pooled_row_bytes_max = 16 * 1024 * 1024;     // of free blocks for rows, kept per thread
inline constexpr size_t rows_behind_max = 2'000;                     // written behind by one checkpoint...
inline constexpr size_t rows_behind_short = 8'000;             // ...but where memory is short
inline constexpr size_t rows_behind_step = 8;                        // ...between two looks at the clock
inline constexpr Micros checkpoint_step_us = 250;                    // a step holds the loop about this long...
inline constexpr int checkpoint_pause = 3;                           // ...and pauses so many times as long,
inline constexpr Micros checkpoint_step_lagging_us = 600;            // but where rows must go: so long, and no pause
inline constexpr uint64_t replay_records_max = 2'000'000;            // a longer replay makes checkpoints follow at once
inline constexpr uint64_t free_bytes_min = uint64_t{1} << 30;        // of disk; or 5 %, if that is more
inline constexpr size_t first_segment_bytes = 1024 * 1024;           // zero-filled before the first record
inline constexpr size_t log_mark_bytes = 64 * 1024;                  // distance of positions remembered for replay

// Rewriting of sealed segments (storage/segment_rewriter.h)
inline constexpr size_t frame_bytes = 256 * 1024;                     // raw; a frame closes at this size
inline constexpr int frame_compression_level = 3;
inline constexpr size_t rewrite_sync_bytes = 8 * 1024 * 1024;         // so that no sync of the log waits for more than this
inline constexpr size_t raw_indexes_max = 4;                          // of segments not yet rewritten, per partition
inline constexpr unsigned keeper_share_percent = 25;                  // of one core, for rewriting...
inline constexpr unsigned keeper_patience = 5;                        // ...and a fifth of it while at most raw_indexes_max wait
inline constexpr Micros keeper_period_us = 1 * second_us;             // between two looks for work
inline constexpr Micros scrub_loan_us = 2 * second_us;                // the state is lent for checking so long at once
inline constexpr Micros scrub_first_us = 1 * minute_us;               // after the start; or the period, if that is less
inline constexpr Micros keeper_retry_us = 1 * minute_us;              // after a segment that could not be rewritten

// Bases (storage/base.h)
inline constexpr size_t bases_kept = 2;                               // of a partition; older ones go
inline constexpr Micros base_wait_us = 5 * second_us;                 // for a checkpoint to copy...
inline constexpr size_t base_waits_max = 12;                          // ...so many times, before the next piece of it
inline constexpr Micros base_piece_us = 1 * second_us;                // for copying a piece, while commits wait
inline constexpr size_t base_entries_between_looks = 256;             // whether the state is wanted back
inline constexpr size_t backup_attempts_max = 5;                      // to copy files that vanish on the way
inline constexpr Micros base_retry_us = 1 * minute_us;                // after a base that could not be made

// Dedup index (storage/id_index.h), per partition
inline constexpr size_t id_table_entries = 512 * 1024;               // of the memory table; 24 MiB at 48 bytes each
inline constexpr size_t id_table_growth_max = 4;                     // times that, while a write is late
inline constexpr size_t id_filter_bytes_max = 256 * 1024 * 1024;     // 178 million ids at 12 bits; then the oldest go
inline constexpr size_t id_runs_max = 8;                             // above it, runs are merged
inline constexpr size_t id_window_marks = 1024;                      // in which a window of time is divided
inline constexpr Micros id_retry_us = 200'000;                       // after a failed write of a run

// Folds between partitions
inline constexpr size_t fold_batch_bytes_max = 512 * 1024;          // of one fold record
inline constexpr size_t fold_run_bytes_max = 4 * 1024;              // of folds that share a head, but for the last
inline constexpr size_t fold_outbox_bytes_max = 64 * 1024 * 1024;   // waiting for one target; above, 503

// Partitions driven by one thread (src/events/lockstep.h)
inline constexpr size_t lockstep_bytes = 4 * 1024 * 1024;             // of events between two exchanges of folds
inline constexpr size_t lockstep_row_bytes_max = 512 * 1024 * 1024;  // of rows in memory, all partitions together

// Predictions
inline constexpr size_t prediction_cache_entries = 10'000;  // per partition
inline constexpr size_t predict_batch_max = 1'000;          // carts of one request

// Queries
inline constexpr size_t uploaded_rows_max = 20'000;          // of a file to be scored...
inline constexpr size_t uploaded_rows_at_once = 250;         // ...of which so many are logged in a turn of the loop
inline constexpr size_t simulated_events_max = 10'000;       // of one request...
inline constexpr size_t simulated_piece_events = 500;        // ...of which so many are taken in at once
inline constexpr size_t page_limit_max = 1'000;
inline constexpr size_t page_offset_max = 1'000'000;
inline constexpr size_t query_records_max = 2'000'000;      // read for one page; the cursor then says where to go on
inline constexpr size_t query_bytes_max = 8 * 1024 * 1024;  // of events in one page
inline constexpr size_t worker_threads = 2;
inline constexpr size_t worker_queue_max = 256;

// Subscriptions (src/events/event_tail.h), one per WebSocket
inline constexpr size_t subscriptions_max = 256;                      // per loop
inline constexpr Micros tail_period_us = 20'000;                      // between two looks for new events
inline constexpr size_t tail_records_max = 20'000;                    // read at once
inline constexpr size_t tail_events_max = 500;                        // of one message...
inline constexpr size_t tail_bytes_max = 256 * 1024;                  // ...which also ends behind so many bytes
inline constexpr size_t tail_queue_bytes_max = 512 * 1024;            // unsent: then the log is not read
inline constexpr Micros tail_reader_us_max = 5 * second_us;           // then it is opened anew: rewritten segments may be gone

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

// Back-fill of changed definitions (src/events/backfill.h)
inline constexpr unsigned backfill_share_percent = 25;               // of one core, to begin with
inline constexpr uint64_t backfill_tail_records_max = 2'000;         // folded by the loop at the switch
inline constexpr size_t backfill_row_bytes_max = 256 * 1024 * 1024;  // of rows in memory; the others are on disk
inline constexpr Micros backfill_retry_us = 1 * minute_us;           // after a failure
inline constexpr size_t feature_documents_max = 128;                 // definitions added through the API

// Training sets (src/training)
inline constexpr size_t training_row_bytes_max = 256 * 1024 * 1024;  // of rows in memory; the others are on disk
inline constexpr size_t training_line_bytes_max = 64 * 1024;         // of a file of labels

// Models (src/scoring)
inline constexpr size_t model_bytes_max = 64 * 1024 * 1024;
inline constexpr size_t model_features_max = 4'096;
inline constexpr size_t model_trees_max = 10'000;
inline constexpr size_t model_nodes_max = 4'000'000;                 // of all trees of a model
inline constexpr size_t tree_nodes_max = 65'535;                     // offsets between nodes have 16 bits
inline constexpr size_t tree_depth_max = 64;
inline constexpr size_t models_max = 256;                            // in one set

// Identity (src/identity)
inline constexpr size_t accounts_max = 4'000'000;
inline constexpr size_t api_keys_max = 100'000;
inline constexpr size_t account_keys_max = 50;
inline constexpr size_t account_sessions_max = 20;            // open ones; the oldest ends
inline constexpr size_t ended_sessions_kept = 20;             // per account, while their tokens have not expired
inline constexpr size_t verified_credentials = 1024;          // per loop, found by a hash of their text
inline constexpr size_t token_bytes_max = 4 * 1024;
inline constexpr Micros token_lifetime_max_us = 7 * day_us;   // of access tokens, as configured
inline constexpr Micros service_token_us = 1 * hour_us;
inline constexpr Micros reset_lifetime_us = 1 * hour_us;      // of a mailed token
inline constexpr Micros verify_lifetime_us = 7 * day_us;
inline constexpr size_t username_bytes_min = 3;
inline constexpr size_t username_bytes_max = 50;
inline constexpr size_t email_bytes_max = 254;
inline constexpr size_t password_bytes_min = 6;
inline constexpr size_t password_bytes_max = 256;
inline constexpr size_t password_queue_max = 64;              // waiting to be hashed; then 503
inline constexpr size_t login_limit_slots = 64 * 1024;        // of the table of accounts and addresses; 512 KiB
inline constexpr size_t coded_bytes_min = 1'024;             // of an answer that is worth compressing
inline constexpr size_t coded_here_bytes_max = 64 * 1024;   // compressed on the loop; longer ones by a worker
inline constexpr int64_t rate_count_max = 1'000'000'000;      // what a rate may say
inline constexpr size_t rate_limit_slots = 64 * 1024;         // of the table of callers; 512 KiB
inline constexpr size_t refusal_limit_slots = 4 * 1024;       // per loop, of addresses with bad credentials; 32 KiB
inline constexpr size_t key_uses_max = 10'000;                // written behind by one loop at once
inline constexpr Micros key_uses_period_us = 1 * minute_us;
inline constexpr size_t publish_batch_max = 1'000;            // changes told to a loop at once
inline constexpr size_t stores_max = 100'000;
inline constexpr size_t flags_max = 1'000;
inline constexpr size_t flag_bytes_max = 32 * 1024;
inline constexpr size_t store_settings_bytes_max = 64 * 1024;
inline constexpr size_t idempotency_key_bytes_max = 255;
inline constexpr Micros keyed_answer_lifetime_us = 1 * day_us;
inline constexpr size_t keyed_answers_max = 100'000;           // then 503
inline constexpr int64_t credits_at_start = 1'000;
inline constexpr int64_t credits_low = 100;        // user.credit_low is told once it has fewer
inline constexpr int64_t credit_lease_max = 256;   // given to a partition at once
inline constexpr size_t credit_accounts_max = 50'000;  // known to a partition
inline constexpr int64_t credits_max = 1'000'000'000'000;

// Calls to URLs of others (src/net/outgoing.h)
inline constexpr size_t outgoing_url_bytes_max = 2'048;
inline constexpr size_t outgoing_body_bytes_max = 1024 * 1024;
inline constexpr size_t outgoing_answer_bytes_max = 64 * 1024;  // of its header fields, and of its body
inline constexpr Micros outgoing_timeout_us = 10 * second_us;   // of a call as a whole...
inline constexpr Micros outgoing_connect_timeout_us = 5 * second_us;

// Mail (src/net/mail.h)
inline constexpr size_t mail_queue_max = 256;
inline constexpr size_t mail_bytes_max = 64 * 1024;
inline constexpr Micros mail_timeout_us = 10 * second_us;     // of one attempt
inline constexpr int mail_attempts = 3;

// Retention (storage/retention.h)
inline constexpr Micros retention_parts = 8;                    // a segment covers this part of the shortest age...
inline constexpr Micros retention_part_us_min = 1 * second_us;  // ...but at least this
inline constexpr size_t retention_rules_max = 256;              // types of event with an age of their own

// Erasure (src/events/erasure.h)
inline constexpr Micros erasure_look_us = 5'000;           // between looks at a partition that is not there yet
inline constexpr size_t erasure_entities_max = 50'000;     // carts and sessions named by one record
inline constexpr size_t erasure_rounds_max = 16;           // of the search for what is a person's
inline constexpr size_t erasure_segments_max = 2'000;      // listed by a certificate
inline constexpr int erasure_tries_max = 3;                         // of an order and the state made anew from beyond it
inline constexpr Micros compact_wait_us = 10 * second_us;  // for writes on their way, while others are refused

static_assert(log_block_bytes * 4 < log_queue_bytes_max);
static_assert(event_bytes_max < record_bytes_max);
static_assert(fold_batch_bytes_max < record_bytes_max);
static_assert(2 * fold_run_bytes_max < fold_batch_bytes_max);
static_assert(record_bytes_max < open_batch_bytes_max);
static_assert(frame_bytes + record_bytes_max < open_batch_bytes_max);
static_assert(compressed_body_bytes_max <= body_bytes_max);
static_assert(open_batch_bytes_max < segment_bytes);
static_assert(lockstep_bytes + record_bytes_max < open_batch_bytes_max);
static_assert(2 * checkpoint_dirty_pages < checkpoint_pages_short && checkpoint_pages_short < dirty_pages_max / 2);
static_assert(rows_behind_max <= 2 * checkpoint_dirty_pages && rows_behind_short <= checkpoint_pages_short);
static_assert(target_bytes_max + header_bytes_max < read_bytes);
static_assert(erasure_entities_max * 16 + key_bytes_max < record_bytes_max);
static_assert((ring_messages_max & (ring_messages_max - 1)) == 0);

}  // namespace headrace::limits
