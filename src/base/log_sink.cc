// Two buffers: one is filled under the mutex while the other is written.
#include "src/base/log_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

namespace headrace {
namespace {

// False when the file takes no more, ever.
bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd room{file, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

struct Lines {
  std::string text;
  uint64_t count = 0;

  void clear() {
    text.clear();
    count = 0;
  }
};

}  // namespace

// Outlives the LogSink if the thread does.
struct LogSink::Shared {
  Shared(int its_file, size_t its_bytes_max) : file(its_file), bytes_max(its_bytes_max) {}

  const int file;
  const size_t bytes_max;
  std::mutex mutex;
  std::condition_variable work, idle;
  Lines queued;  // under mutex, as everything here
  bool writing = false, hurry = false, ending = false;
  LogCounters counters;
  uint64_t unsaid = 0;  // dropped, and no line says so yet

  bool done() const { return queued.text.empty() && !writing; }
  bool take(Lines& lines);
  void wrote(const Lines& lines, bool well);
  void say_what_was_dropped();
  void run();
};

// Waits for lines, and a little longer for more of them. False when there will be none.
bool LogSink::Shared::take(Lines& lines) {
  std::unique_lock lock(mutex);
  work.wait(lock, [this] { return !queued.text.empty() || ending; });
  work.wait_for(lock, std::chrono::microseconds(limits::log_gather_us),
                [this] { return hurry || ending || queued.text.size() > bytes_max / 2; });
  if (queued.text.empty()) return false;
  if (unsaid > 0) say_what_was_dropped();
  std::swap(lines, queued);
  writing = true;
  return true;
}

void LogSink::Shared::say_what_was_dropped() {
  const LogField lost[] = {{"lines", std::exchange(unsaid, 0)}};
  append_log_line(Level::warning, "log_lines_dropped", lost, queued.text);
  ++queued.count;
}

void LogSink::Shared::wrote(const Lines& lines, bool well) {
  std::lock_guard lock(mutex);
  (well ? counters.lines : counters.dropped) += lines.count;
  writing = false;
  if (!done()) return;
  hurry = false;
  idle.notify_all();
}

void LogSink::Shared::run() {
  Lines lines;
  while (take(lines)) {
    wrote(lines, write_all(file, lines.text));
    lines.clear();
  }
}

LogSink::LogSink(int file, size_t bytes_max)
    : shared_(std::make_shared<Shared>(file, bytes_max)), thread_([shared = shared_] { shared->run(); }) {}

LogSink::~LogSink() {
  const bool written = flush(limits::log_flush_us);
  {
    std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->work.notify_one();
  written ? thread_.join() : thread_.detach();
}

void LogSink::write(std::string_view lines, uint64_t count) {
  std::lock_guard lock(shared_->mutex);
  if (shared_->queued.text.size() + lines.size() > shared_->bytes_max) {
    shared_->counters.dropped += count;
    shared_->unsaid += count;
    return;
  }
  const bool first = shared_->queued.text.empty();
  shared_->queued.text.append(lines);
  shared_->queued.count += count;
  if (first || shared_->queued.text.size() > shared_->bytes_max / 2) shared_->work.notify_one();
}

bool LogSink::flush(Micros wait_max) {
  std::unique_lock lock(shared_->mutex);
  shared_->hurry = !shared_->done();
  shared_->work.notify_one();
  return shared_->idle.wait_for(lock, std::chrono::microseconds(wait_max),
                                [this] { return shared_->done(); });
}

LogCounters LogSink::counters() const {
  std::lock_guard lock(shared_->mutex);
  return shared_->counters;
}

}  // namespace headrace
