// What an erasure leaves to read: how far it is, and the certificate. Documents of the control partition.
#pragma once

#include <string>
#include <vector>

#include "codec/shape.h"

namespace headrace {

namespace tables {
// Numbers of document tables that events own; part of the log format.
inline constexpr uint8_t erasures = 40;  // id -> Erasure, as JSON
inline constexpr uint8_t erasure_orders =
    41;  // id, ".", number -> payload of an order record (erasure_order.h)
}  // namespace tables

// One segment that held the person, before and after.
struct ErasedSegment {
  int64_t partition = 0, segment = 0, first_lsn = 0, last_lsn = 0;
  int64_t events = 0, events_redacted = 0, folds = 0, documents = 0;
  std::string sha256_before, sha256_after;
  static constexpr auto shape() {
    return std::tuple{
        field("partition", &ErasedSegment::partition, "Its partition"),
        field("segment", &ErasedSegment::segment, "Number of the segment"),
        field("first_lsn", &ErasedSegment::first_lsn, "Its first record"),
        field("last_lsn", &ErasedSegment::last_lsn, "Its last record"),
        field("events", &ErasedSegment::events, "Events that are gone"),
        field("events_redacted", &ErasedSegment::events_redacted,
              "Events of others from which the id is gone"),
        field("folds", &ErasedSegment::folds, "Folds that are gone"),
        field("documents", &ErasedSegment::documents, "Writes of documents that are gone"),
        field("sha256_before", &ErasedSegment::sha256_before, "Of the file that held the person"),
        field("sha256_after", &ErasedSegment::sha256_after, "Of the file that replaced it")};
  }
};

struct ErasedPartition {
  int64_t partition = 0, through_lsn = 0, before_segment = 0;
  static constexpr auto shape() {
    return std::tuple{
        field("partition", &ErasedPartition::partition, "Which"),
        field("through_lsn", &ErasedPartition::through_lsn, "Records up to it were searched"),
        field("before_segment", &ErasedPartition::before_segment, "They stand in segments before it")};
  }
};

// What is signed.
struct ErasureCertificate {
  std::string erasure, directory, tenant;
  Timestamp begun, finished;
  int64_t rows = 0, documents = 0, segments = 0, events = 0, events_redacted = 0, folds = 0;
  std::vector<ErasedPartition> searched;
  std::vector<ErasedSegment> rewritten;
  static constexpr auto shape() {
    return std::tuple{
        field("erasure", &ErasureCertificate::erasure, "Id of the erasure"),
        field("directory", &ErasureCertificate::directory, "UUID of the data directory"),
        field("tenant", &ErasureCertificate::tenant, "Who calls the person so; empty: the platform"),
        field("begun", &ErasureCertificate::begun, "When it was asked for"),
        field("finished", &ErasureCertificate::finished, "When nothing was left"),
        field("rows", &ErasureCertificate::rows, "Rows of features that are gone"),
        field("documents", &ErasureCertificate::documents, "Documents that are gone"),
        field("segments", &ErasureCertificate::segments, "Segments of the log that held the person"),
        field("events", &ErasureCertificate::events, "Events that are gone"),
        field("events_redacted", &ErasureCertificate::events_redacted,
              "Events of others from which the id is gone"),
        field("folds", &ErasureCertificate::folds, "Folds that are gone"),
        field("searched", &ErasureCertificate::searched, "What was searched"),
        field("rewritten", &ErasureCertificate::rewritten, "The segments, at most 2,000 of them")};
  }
};

// The state of an erasure: stored, and answered.
struct Erasure {
  std::string id, state = "searching", problem, tenant;
  Timestamp begun;
  int64_t rows = 0, documents = 0;
  std::vector<ErasedPartition> searched;
  std::vector<ErasedSegment> rewritten;
  std::string certificate, signature, public_key;
  static constexpr auto shape() {
    return std::tuple{
        field("id", &Erasure::id, "Of the erasure; it says nothing of the person"),
        field("state", &Erasure::state, "searching, applying, compacting, rewriting or done"),
        field("problem", &Erasure::problem, "Why it did not end; the next start goes on", optional_field),
        field("tenant", &Erasure::tenant, "Who calls the person so; empty: the platform", optional_field),
        field("begun", &Erasure::begun, "When it was asked for"),
        field("rows", &Erasure::rows, "Rows of features that are gone", optional_field),
        field("documents", &Erasure::documents, "Documents that are gone", optional_field),
        field("searched", &Erasure::searched, "What was or will be searched", optional_field),
        field("rewritten", &Erasure::rewritten, "Segments that held the person", optional_field),
        field("certificate", &Erasure::certificate, "JSON, exactly as it was signed", optional_field),
        field("signature", &Erasure::signature, "Ed25519 over the certificate, hexadecimal", optional_field),
        field("public_key", &Erasure::public_key, "Of the data directory, hexadecimal", optional_field)};
  }
};

}  // namespace headrace
