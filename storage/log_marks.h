// LogMarks: positions of batches remembered at a distance, so that a checkpoint can name one to replay from.
#pragma once

#include <deque>

#include "src/base/limits.h"
#include "storage/segment_reader.h"

namespace headrace {

class LogMarks {
 public:
  // `position` of a batch; LSNs ascend. Kept where the last one kept is far enough away.
  void remember(const LogPosition& position) {
    if (!marks_.empty()) {
      const LogPosition& last = marks_.back();
      bool near = position.segment == last.segment && position.offset < last.offset + limits::log_mark_bytes;
      if (near) return;
    }
    marks_.push_back(position);
  }

  // The last one at or before `lsn`, or `end` where that is one.
  LogPosition at_or_before(Lsn lsn, const LogPosition& end) const {
    if (end.lsn <= lsn) return end;
    for (auto mark = marks_.rbegin(); mark != marks_.rend(); ++mark) {
      if (mark->lsn <= lsn) return *mark;
    }
    return oldest_;
  }

  // Nothing before `position` will be asked for any more.
  void forget_before(const LogPosition& position) {
    oldest_ = position;
    while (!marks_.empty() && marks_.front().lsn <= position.lsn) marks_.pop_front();
    if (!marks_.empty() && marks_.front().lsn > position.lsn) marks_.push_front(position);
  }

 private:
  LogPosition oldest_;
  std::deque<LogPosition> marks_;
};

}  // namespace headrace
