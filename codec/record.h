// Records: what the log is made of, and their form inside the body of a batch.
//
//   body   := record*                                 (as many as the batch header counts)
//   record := [skip:varint] length:varint rest        length of `rest` in bytes; skip only in rewritten segments:
//                                                     LSNs before this record that no longer have one
//   rest   := kind:u8 version:u8 time:varint(zigzag us, against the batch's base time)
//             len-key:varint key payload              the payload is what remains
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"

namespace headrace {

using Lsn = uint64_t;  // log sequence number: per partition, the first record is 1

enum class Kind : uint8_t { event = 1, put = 2, erase = 3, control = 4, fold = 5 };

std::string_view name_of(Kind kind);

// Views into bytes owned by somebody else (a batch): copy what must outlive them.
struct RecordView {
  Lsn lsn = 0;
  Kind kind = Kind::event;
  uint8_t version = 0;  // of the payload's schema
  Micros time = 0;      // of ingestion
  std::string_view key = {}, payload = {};
};

// Appends `record` (all but its LSN, which follows from its place) to `body`.
void encode_record(const RecordView& record, Micros base_time, std::string& body);

// An upper bound of the bytes encode_record() appends.
size_t encoded_record_bytes_max(size_t key_bytes, size_t payload_bytes);

// Whether records have a skip before them.
enum class Spacing : uint8_t { dense, sparse };

// Walks the records of one body. The body's hash was checked before, so a form that does not parse means that
// the writer was wrong or memory is: it is reported as damage.
class RecordCursor {
 public:
  RecordCursor() = default;
  RecordCursor(std::string_view body, Lsn first, uint32_t count, Micros base_time,
               Spacing spacing = Spacing::dense)
      : rest_(body), next_(first), left_(count), base_time_(base_time), spacing_(spacing) {}

  // The same, ending where `end`, which it was once, stands.
  RecordCursor up_to(const RecordCursor& end) const {
    RecordCursor some = *this;
    some.left_ -= end.left_;
    some.rest_.remove_suffix(end.rest_.size());
    return some;
  }

  bool at_end() const { return left_ == 0; }
  Lsn next_lsn() const { return next_; }  // or a later one, where records are sparse

  // Precondition: !at_end(). The views of `record` point into the body.
  Result<> next(RecordView& record);

 private:
  std::string_view rest_;
  Lsn next_ = 0;
  uint32_t left_ = 0;
  Micros base_time_ = 0;
  Spacing spacing_ = Spacing::dense;
};

}  // namespace headrace
