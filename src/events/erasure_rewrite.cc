// A visitor that is asked without anything being written, and the same one writing.
#include "src/events/erasure_rewrite.h"

#include <openssl/evp.h>

#include <memory>

#include "src/base/limits.h"
#include "storage/checked_lines.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

constexpr size_t read_bytes = 1024 * 1024;

Result<> visit_batch(LogWalker& walker, const RecordVisitor& visit) {
  auto cursor = walker.records();
  if (!cursor) return cursor.problem();
  RecordView record;
  while (!cursor->at_end()) {
    TRY_DONE(cursor->next(record));
    visit(record);
  }
  return Done{};
}

}  // namespace

Result<std::vector<HeldSegment>> find_held(const ErasureRange& range, const ErasureOrder& order) {
  std::vector<HeldSegment> held;
  auto walker = LogWalker::at_start(system_disk(), range.place);
  if (!walker) return walker.problem();
  HeldSegment now;
  RecordVisitor visit = without_person(order, range.through, now.counts);
  auto close = [&] {
    if (now.counts.all() > 0) held.push_back(now);
    now = {};
  };
  while (true) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found || walker->batch().segment >= range.before) break;
    if (now.segment != walker->batch().segment) {
      close();
      now.segment = walker->batch().segment;
      now.first_lsn = walker->reader().header().first_lsn;
    }
    TRY_DONE(visit_batch(*walker, visit));
    now.last_lsn = walker->batch().last_lsn();
  }
  close();
  return held;
}

Result<> rewrite_held(const ErasureRange& range, const ErasureOrder& order, uint32_t segment) {
  ErasureCounts counts;
  auto report = rewrite_segment({.place = range.place,
                                 .clock = &system_clock(),
                                 .disk = &system_disk(),
                                 .frame_bytes = limits::frame_bytes,
                                 .kill_point_name = "in_erase"},
                                segment, without_person(order, range.through, counts));
  return report ? Result<>(Done{}) : report.problem();
}

Result<std::string> sha256_of_segment(const PartitionPlace& place, uint32_t segment) {
  auto file = system_disk().open(place.log() + "/" + segment_name(segment), OpenMode::read);
  if (!file) return file.problem();
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
  std::string bytes(read_bytes, '\0');
  for (uint64_t at = 0;;) {
    auto got = (*file)->read_at(bytes.data(), bytes.size(), at);
    if (!got) return got.problem();
    EVP_DigestUpdate(hash.get(), bytes.data(), *got);
    at += *got;
    if (*got < bytes.size()) break;
  }
  std::string digest(32, '\0');
  EVP_DigestFinal_ex(hash.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return hexadecimal(digest);
}

}  // namespace headrace
