// LogSink: the thread that writes log lines to a file, so that nobody else waits for its reader.
//
// Operation: lines queue up and are written together, at most every limits::log_gather_us. What does not fit
// into the queue is dropped and counted; a line says how much was lost as soon as there is room again.
// Lives on: a thread of its own; the functions here belong to any thread and never wait for the file.
// Limits: `bytes_max` queued and as much being written. The destructor gives the file limits::log_flush_us; a
// thread that still hangs in a write then is left behind; the file must then stay open.
#pragma once

#include <memory>
#include <string_view>
#include <thread>

#include "src/base/limits.h"
#include "src/base/log.h"

namespace headrace {

class LogSink {
 public:
  explicit LogSink(int file, size_t bytes_max = limits::log_queue_bytes_max);
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  void write(std::string_view lines, uint64_t count);
  // True once everything queued so far is written; false if that takes longer than `wait_max`.
  bool flush(Micros wait_max);
  LogCounters counters() const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace headrace
