// IndexBuilder: collects what the index of a segment will say, frame by frame.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "storage/segment_index.h"

namespace headrace {

class IndexBuilder {
 public:
  struct Index {
    std::string bytes;  // head and blocks
    uint32_t head_bytes = 0;
    uint64_t head_hash = 0;
    Micros event_first = INT64_MAX, event_last = INT64_MIN;
    uint32_t frames = 0;
  };

  // Of the open frame. An event that does not parse is found by no query.
  void add(const RecordView& record);
  void close_frame(uint64_t offset, const BatchHeader& header);
  Index finish(uint64_t salt);

  // While it is being built: the same as SegmentIndex.
  const IndexHead& head() const { return head_; }
  std::vector<uint32_t> select(const EventFilter& filter);

 private:
  void add_event(const Event& event);
  uint64_t bit_of_type(std::string_view type);
  std::vector<uint32_t> frames_of(Section section, std::string_view text);
  void sort_much(Section section);

  using Keys = std::vector<uint32_t>;
  FrameEntry open_;
  std::array<Keys, section_count> keys_;  // of the open frame
  std::array<std::vector<IndexEntry>, section_count> entries_;
  std::array<size_t, section_count> sorted_{};  // so many of them, from the first on
  IndexHead head_;
};

}  // namespace headrace
