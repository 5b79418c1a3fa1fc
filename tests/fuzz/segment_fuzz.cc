// The decoders of rewritten segments: headers, the head of an index, its blocks; and sparse records.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "codec/checksum.h"
#include "src/base/check.h"
#include "storage/segment_index.h"

using namespace headrace;

namespace {

// The head of an index, against a header that promises what its first frames say; and a block, its hash made right.
void index_of_segment(std::string_view bytes) {
  SegmentHeader header{.segment = 1, .first_lsn = 1, .chain = 0, .created = 0, .rewritten = Rewritten{}};
  FrameEntry frame;
  uint32_t frames = 0;
  if (bytes.size() >= 72) std::memcpy(&frames, bytes.data(), sizeof frames);
  Rewritten& its = *header.rewritten;
  its.index_offset = segment_header_bytes;
  for (uint32_t i = 0; i < frames && 72 + (i + 1) * sizeof frame <= bytes.size(); ++i) {
    std::memcpy(&frame, bytes.data() + 72 + i * sizeof frame, sizeof frame);
    its.index_offset += (uint64_t{frame.length} + 7) / 8 * 8;
    its.end_lsn += frame.span;
  }
  for (uint64_t blocks = 0; blocks < 4; ++blocks) {
    its.index_bytes = bytes.size() + blocks * index_block_bytes;
    auto head = decode_index_head(bytes, header);
    if (head) CHECK(encode(*head).size() <= bytes.size());  // a length may be written longer than it need be
  }
}

void index_block(std::string_view bytes) {
  std::string block(index_block_bytes, '\0');
  bytes.substr(0, index_block_bytes - 8).copy(block.data() + 8, index_block_bytes - 8);
  uint64_t hash = hash64(std::string_view(block).substr(8), 5);
  std::memcpy(block.data(), &hash, sizeof hash);
  auto entries = decode_index_block(block, 5);
  if (!entries || entries->empty()) return;
  std::string again;
  CHECK(append_index_block(*entries, 0, 5, again) <= entries->size());
  auto back = decode_index_block(again, 5);
  CHECK(back && std::equal(back->begin(), back->end(), entries->begin()));
}

void segment_header(std::string_view bytes) {
  PartitionPlace place;
  (void)decode_segment_header(bytes, place);
  (void)decode_batch_header(bytes, salt_of(place));
}

void sparse_records(std::string_view body, uint32_t count) {
  RecordCursor cursor(body, 1, count, 0, Spacing::sparse);
  RecordView record;
  for (Lsn before = 0; !cursor.at_end() && cursor.next(record).ok(); before = record.lsn)
    CHECK(record.lsn > before);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  if (bytes[0] % 4 == 0) index_of_segment(rest);
  if (bytes[0] % 4 == 1) index_block(rest);
  if (bytes[0] % 4 == 2) segment_header(rest);
  if (bytes[0] % 4 == 3) sparse_records(rest, bytes[1]);
  return 0;
}
