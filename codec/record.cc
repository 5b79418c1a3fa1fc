// Encoding and walking the records of a batch's body.
#include "codec/record.h"

#include <cstring>

#include "codec/varint.h"

namespace headrace {
namespace {

size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

char* write_varint(uint64_t value, char* to) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}

Problem damaged() { return Problem(Error::storage_damaged, "record", "A record of the log does not parse"); }

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::event:
      return "event";
    case Kind::put:
      return "put";
    case Kind::erase:
      return "erase";
    case Kind::control:
      return "control";
    case Kind::fold:
      return "fold";
  }
  return "unknown";
}

size_t encoded_record_bytes_max(size_t key_bytes, size_t payload_bytes) {
  return 3 * varint_bytes_max + 2 + key_bytes + payload_bytes;
}

void encode_record(const RecordView& record, Micros base_time, std::string& body) {
  uint64_t delta =
      zigzag(static_cast<int64_t>(static_cast<uint64_t>(record.time) - static_cast<uint64_t>(base_time)));
  size_t length =
      2 + varint_size(delta) + varint_size(record.key.size()) + record.key.size() + record.payload.size();
  char head[3 * varint_bytes_max + 2];
  char* to = write_varint(length, head);
  *to++ = static_cast<char>(record.kind);
  *to++ = static_cast<char>(record.version);
  to = write_varint(delta, to);
  to = write_varint(record.key.size(), to);
  body.append(head, static_cast<size_t>(to - head));
  body.append(record.key);
  body.append(record.payload);
}

Result<> RecordCursor::next(RecordView& record) {
  Taker take(rest_);
  uint64_t skip = spacing_ == Spacing::sparse ? take.varint() : 0;
  Taker inner(take.text());
  record.kind = static_cast<Kind>(inner.fixed<uint8_t>());
  record.version = inner.fixed<uint8_t>();
  // Added without sign so that no bit pattern is undefined behaviour.
  record.time = static_cast<Micros>(static_cast<uint64_t>(base_time_) +
                                    static_cast<uint64_t>(unzigzag(inner.varint())));
  record.key = inner.text();
  record.payload = inner.rest();
  record.lsn = next_ + skip;
  bool known = record.kind >= Kind::event && record.kind <= Kind::fold;
  if (take.failed() || inner.failed() || !known || record.lsn < next_) return damaged();
  rest_ = take.rest();
  next_ = record.lsn + 1;
  if (--left_ == 0 && !rest_.empty()) return damaged();
  return Done{};
}

}  // namespace headrace
