// The program's own log: lines that nothing can break, and a slow reader that stops nobody.
#include "src/base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "src/base/log_sink.h"

namespace headrace {
namespace {

std::string line_of(std::initializer_list<LogField> fields) {
  std::string out;
  append_log_line(Level::warning, "tested", {fields.begin(), fields.size()}, out);
  return out;
}

TEST(Log, SaysWhatWhenAndHowMuch) {
  std::string line = line_of({{"text", std::string_view("a")},
                              {"less", int64_t{-7}},
                              {"more", UINT64_MAX},
                              {"part", 0.25},
                              {"flag", true}});
  EXPECT_EQ(line.substr(0, 9), R"({"time":")");
  EXPECT_EQ(line.substr(9 + 19, 1), ".");  // 2026-01-31T12:34:56.123456Z
  EXPECT_EQ(line.substr(9 + 26, 1), "Z");
  EXPECT_EQ(line.substr(9 + 27), R"(","level":"warning","event":"tested","text":"a","less":-7,)"
                                 R"("more":18446744073709551615,"part":0.25,"flag":true})"
                                 "\n");
}

TEST(Log, EscapesWhatWouldBreakALine) {
  std::string line = line_of({{"text", std::string_view("a\nb\"c\\d\0e\x7f\x1f", 11)}});
  EXPECT_NE(line.find(R"("text":"a\u000ab\u0022c\u005cd\u0000e\u007f\u001f"})"), line.npos) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

// A pipe whose writing end is as small as the kernel allows.
class LogSinkTest : public testing::Test {
 protected:
  LogSinkTest() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe(ends_), 0);
    EXPECT_EQ(fcntl(ends_[1], F_SETPIPE_SZ, 4096), 4096);
  }
  ~LogSinkTest() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }

  // Everything until the writing end is closed.
  std::string read_all() {
    std::string out;
    char some[4096];
    for (ssize_t count; (count = read(ends_[0], some, sizeof some)) > 0;)
      out.append(some, static_cast<size_t>(count));
    return out;
  }
  void close_writing_end() {
    close(ends_[1]);
    ends_[1] = -1;
  }

  int ends_[2];
};

TEST_F(LogSinkTest, WritesEverythingInOrder) {
  std::string expected;
  std::string got;
  std::thread reader([&] { got = read_all(); });
  {
    LogSink sink(ends_[1]);
    for (int i = 0; i < 5'000; ++i) {
      std::string line = std::to_string(i) + "\n";
      expected += line;
      sink.write(line, 1);
    }
    EXPECT_TRUE(sink.flush(10 * second_us));
    EXPECT_EQ(sink.counters().lines, 5'000u);
    EXPECT_EQ(sink.counters().dropped, 0u);
  }
  close_writing_end();
  reader.join();
  EXPECT_EQ(got, expected);
}

uint64_t said_to_be_dropped(const std::string& log) {
  const std::string mark = "\"event\":\"log_lines_dropped\",\"lines\":";
  uint64_t sum = 0;
  for (size_t at = 0; (at = log.find(mark, at)) != log.npos; ++at)
    sum += std::stoull(log.substr(at + mark.size()));
  return sum;
}

// Nobody reads: whoever logs goes on at once, and afterwards it is said how much was lost.
TEST_F(LogSinkTest, NeverWaitsForASlowReader) {
  constexpr uint64_t lines = 10'000;
  const std::string line(99, 'x');
  std::string got;
  uint64_t dropped = 0;
  std::thread reader;
  {
    LogSink sink(ends_[1], 64 * 1024);
    const auto began = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < lines; ++i) sink.write(line + "\n", 1);
    EXPECT_FALSE(sink.flush(20'000));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    dropped = sink.counters().dropped;
    EXPECT_GT(dropped, lines - 2 * 64 * 1024 / 100 - 1);  // what is queued, and as much on its way
    reader = std::thread([&] { got = read_all(); });
    EXPECT_TRUE(sink.flush(10 * second_us));
    sink.write("the end\n", 1);
    EXPECT_TRUE(sink.flush(10 * second_us));
    EXPECT_EQ(sink.counters().dropped, dropped);
  }
  close_writing_end();
  reader.join();
  EXPECT_EQ(said_to_be_dropped(got), dropped);
  EXPECT_TRUE(got.ends_with("the end\n"));
  size_t whole = 0;
  for (size_t at = 0; (at = got.find(line + "\n", at)) != got.npos; at += line.size() + 1) ++whole;
  EXPECT_EQ(whole, lines - dropped);
}

TEST_F(LogSinkTest, CountsWhatAClosedReaderNeverGot) {
  LogSink sink(ends_[1]);
  close(ends_[0]);
  sink.write("lost\n", 1);
  EXPECT_TRUE(sink.flush(10 * second_us));
  EXPECT_EQ(sink.counters().lines, 0u);
  EXPECT_EQ(sink.counters().dropped, 1u);
  ends_[0] = open("/dev/null", O_RDONLY);
}

// The thread that hangs in a write is left behind; it must not be used after its owner has gone.
TEST_F(LogSinkTest, EndsThoughItsReaderHangs) {
  {
    LogSink sink(ends_[1]);
    sink.write(std::string(100'000, 'x'), 1);
  }
  ends_[1] = -1;    // the thread has it, and keeps it
  close(ends_[0]);  // lets the thread go
  ends_[0] = open("/dev/null", O_RDONLY);
}

TEST_F(LogSinkTest, TakesLinesFromManyThreadsWhole) {
  constexpr int threads = 4, each = 2'000;
  std::string got;
  std::thread reader([&] { got = read_all(); });
  {
    LogSink sink(ends_[1], 16 * 1024 * 1024);
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&sink, t] {
        for (int i = 0; i < each; ++i) sink.write(std::string(50, static_cast<char>('a' + t)) + "\n", 1);
      });
    for (auto& thread : all) thread.join();
    EXPECT_TRUE(sink.flush(10 * second_us));
  }
  close_writing_end();
  reader.join();
  EXPECT_EQ(got.size(), size_t{threads} * each * 51);
  for (size_t at = 0; at < got.size(); at += 51)
    ASSERT_EQ(got.substr(at, 51), std::string(50, got[at]) + "\n");
}

}  // namespace
}  // namespace headrace
