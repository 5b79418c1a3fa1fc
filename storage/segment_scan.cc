// Looking for life in every eighth byte.
#include "storage/segment_scan.h"

#include "codec/checksum.h"

namespace headrace {
namespace {

bool all_parse(RecordCursor cursor) {
  RecordView record;
  while (!cursor.at_end())
    if (!cursor.next(record)) return false;
  return true;
}

}  // namespace

void SegmentScan::run(Lsn durable_bound) {
  while (at_.lsn < end_lsn() && at_.offset + batch_header_bytes <= bytes_.size())
    if (const char* why = look())
      skip(why);
    else
      take();
  if (why_ != nullptr) at_.offset = gap_begin_;
  if (next_ && at_.lsn < next_->lsn) lose(next_->lsn - 1, next_->chain);
  if (!next_ && at_.lsn <= durable_bound) lose(durable_bound, at_.chain);
  if (next_) at_.chain = next_->chain;
}

void SegmentScan::skip(const char* why) {
  if (why_ == nullptr) why_ = why, gap_begin_ = at_.offset;
  at_.offset += batch_alignment;
}

const char* SegmentScan::look() {
  auto header = decode_batch_header(bytes_.substr(at_.offset), salt_);
  if (!header) return "its header is not valid";
  if (header->segment != at_.segment) return "it belongs to another segment";
  if (header->first_lsn < at_.lsn || header->last_lsn() >= end_lsn())
    return "its LSN does not continue the log";
  bool follows = why_ == nullptr && header->first_lsn == at_.lsn;
  if (follows && header->chain != at_.chain) return "its chain hash does not continue the log";
  std::string_view stored = bytes_.substr(at_.offset + batch_header_bytes);
  if (stored.size() < header->body_bytes()) return "its body ends early";
  stored = stored.substr(0, header->body_bytes());
  if (hash64(stored, salt_) != header->body_hash) return "its body does not match its hash";
  auto records = opener_.open(*header, stored);
  if (!records || !all_parse(*records)) return "its records do not parse";
  header_ = *header;
  return nullptr;
}

void SegmentScan::take() {
  if (header_.first_lsn > at_.lsn) lose(header_.first_lsn - 1, header_.chain);
  why_ = nullptr;
  batches_.push_back({at_.segment, at_.offset, header_.first_lsn, header_.chain});
  uint64_t chain = chain_after(bytes_.substr(at_.offset), header_.chain);
  at_ = {at_.segment, at_.offset + header_.padded_length(), header_.last_lsn() + 1, chain};
}

void SegmentScan::lose(Lsn last, uint64_t chain_after) {
  Loss loss{.segment = at_.segment,
            .first = at_.lsn,
            .last = last,
            .end_offset = at_.offset,
            .chain_before = at_.chain,
            .chain_after = chain_after};
  loss.offset = why_ ? gap_begin_ : at_.offset;
  loss.reason = why_ ? why_ : bytes_.empty() ? "the segment is missing" : "the file ends early";
  losses_.push_back(std::move(loss));
  at_.lsn = last + 1;
}

}  // namespace headrace
