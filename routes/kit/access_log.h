// AccessLog: one line of the program's log about each finished request that is worth one.
//
// Operation: lines are gathered and handed to the log's sink once per iteration of the loop. A line names a
// request by its operation and route template, never by its path, which may hold identifiers and secrets.
// Lives on: its loop. Limits: limits::log_block_bytes, then it hands over early; the sink drops what
// is too much for it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/base/log.h"
#include "src/base/time.h"
#include "src/runtime/loop.h"

namespace headrace {

class Call;

enum class AccessLines : uint8_t { off, errors, all };

struct AccessRules {
  AccessLines lines = AccessLines::errors;
  Micros slow_us = second_us;  // a request that took longer has a line as if it had failed; 0: none is slow
};

class AccessLog {
 public:
  AccessLog(Loop& loop, const AccessRules& rules);
  void set_rules(const AccessRules& rules);
  ~AccessLog() { hand_over(); }
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // On the way of every request.
  bool wants(int status, Micros took) const { return status >= status_min_ || took > took_max_; }

  void request_finished(const Call& call, int status, Micros took, size_t bytes_out);
  // Refused before it was a request: bad HTTP, a limit, a timeout.
  void request_refused(std::string_view request_id, const ErrorRow& error, std::string_view peer);

 private:
  Level level_of(int status, Micros took) const;
  void add(Level level, std::string_view event, std::span<const LogField> fields);
  void hand_over();

  int status_min_ = 0;
  Micros took_max_ = 0;
  std::string lines_;
  uint64_t count_ = 0;
  Loop::Hook hook_;
};

}  // namespace headrace
