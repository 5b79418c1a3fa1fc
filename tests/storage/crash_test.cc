// kill -9 at random moments and at every named kill point, in a process of its own: no acked record is lost.
//
// The child is this program again, run for the one disabled test below; it appends, and writes each acked LSN
// to a file.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "storage/segment_keeper.h"
#include "storage/verify.h"
#include "tests/storage/support.h"

extern char** environ;

namespace headrace::testing_support {
namespace {

constexpr const char* directory_variable = "HEADRACE_TEST_CRASH_DIRECTORY";

void configure(Bench& bench) {
  bench.options.segment_bytes = 64 * 1024;
  bench.options.checkpoint_age_us = 3'000;
}

// What record `lsn` is: mostly events, some documents.
void append_next(Bench& bench) {
  Lsn lsn = bench.partition->applied_lsn() + 1;
  if (lsn % 9 == 0) {
    bench.put("o" + std::to_string(lsn % 90), "open|" + std::to_string(lsn));
  } else {
    bench.event("k" + std::to_string(lsn % 77), payload_of(lsn));
  }
}

TEST(CrashChild, DISABLED_AppendsForEver) {
  const char* directory = std::getenv(directory_variable);
  ASSERT_NE(directory, nullptr);
  int acks = ::open((std::string(directory) + "/acks").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ASSERT_GE(acks, 0);
  Bench bench(directory);
  bench.options.fail_stop = nullptr;
  configure(bench);
  bench.open();
  KeeperOptions keeping;
  keeping.share_percent = 90;
  keeping.frame_bytes = 16 * 1024;
  keeping.period_us = 1000;
  SegmentKeeper keeper(keeping, {{bench.options.place, [&] { return bench.partition->settled_segment(); }}});
  Lsn acked = 0;
  Micros start = system_clock().monotonic();
  for (int i = 0; i % 1024 != 0 || system_clock().monotonic() - start < minute_us; ++i) {
    if (bench.partition->applied_lsn() < acked + 2000) append_next(bench);
    if (i % 3 == 0) bench.pump();
    if (bench.partition->durable_lsn() == acked) continue;
    acked = bench.partition->durable_lsn();
    ASSERT_EQ(::pwrite(acks, &acked, sizeof acked, 0), static_cast<ssize_t>(sizeof acked));
  }
}

// Runs the child until `kill_after_us` or until its kill point; the last LSN it acked.
Lsn run_child(const std::string& directory, const std::string& kill_point, Micros kill_after_us) {
  fs::remove(directory + "/acks");
  std::vector<std::string> words = {"storage_test", "--gtest_filter=CrashChild.*",
                                    "--gtest_also_run_disabled_tests"};
  words.push_back(std::string(directory_variable) + "=" + directory);
  words.push_back("HEADRACE_KILL_POINT=" + kill_point);
  std::vector<char*> variables = {words[3].data(), words[4].data()};
  if (kill_point.empty()) variables.pop_back();
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  variables.push_back(nullptr);
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, "/proc/self/exe", &quiet, nullptr, arguments, variables.data()), 0);
  posix_spawn_file_actions_destroy(&quiet);
  int status = 0;
  Micros start = system_clock().monotonic();
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (system_clock().monotonic() - start > kill_after_us) ::kill(child, SIGKILL);
    ::usleep(500);
  }
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
  Lsn acked = 0;
  std::string bytes = slurp(directory + "/acks");
  if (bytes.size() == sizeof acked) std::memcpy(&acked, bytes.data(), sizeof acked);
  return acked;
}

void expect_whole(const std::string& directory, Lsn acked) {
  Bench bench(directory);
  configure(bench);
  bench.open();
  ASSERT_GE(bench.partition->applied_lsn(), acked);
  EXPECT_EQ(bench.partition->durable_lsn(), bench.partition->applied_lsn());
  auto payloads = read_payloads(bench.options.place);
  ASSERT_EQ(payloads.size(), bench.partition->applied_lsn());
  for (Lsn lsn = 1; lsn <= payloads.size(); ++lsn) {
    if (lsn % 9 == 0) continue;
    ASSERT_EQ(payloads[lsn - 1], payload_of(lsn));
  }
  uint64_t events = payloads.size() - payloads.size() / 9;
  EXPECT_EQ(tally_of(bench.partition->rows().find(2, "all")), events) << "each exactly once";
  Digest live = bench.digest();
  EXPECT_EQ(bench.rebuilt(), live);
  auto report = inspect_log(bench.options.place, Depth::records);
  ASSERT_TRUE(report.ok() && !report->damage)
      << (report.ok() ? report->damage->text() : report.problem().text());
  bench.crash();
}

TEST(Crash, AtEveryKillPoint) {
  for (const char* point :
       {"after_append", "before_sync", "after_sync", "in_checkpoint", "in_ckpt_write", "in_repack"}) {
    ScratchDirectory scratch;
    Lsn before = 0;
    for (int count : {1, 2, 5, 9}) {  // again and again on the same directory
      SCOPED_TRACE(std::string(point) + ":" + std::to_string(count));
      Lsn acked = run_child(scratch.path(), std::string(point) + ":" + std::to_string(count), 20 * second_us);
      EXPECT_GE(std::max(acked, before), before);
      ASSERT_NO_FATAL_FAILURE(expect_whole(scratch.path(), acked));
      before = acked;
    }
  }
}

TEST(Crash, AtRandomMoments) {
  ScratchDirectory scratch;
  std::mt19937_64 random(11);
  Lsn acked = 0;
  for (int i = 0; i < 12; ++i) {
    acked = run_child(scratch.path(), "", 20'000 + static_cast<Micros>(random() % 120'000));
    ASSERT_NO_FATAL_FAILURE(expect_whole(scratch.path(), acked));
  }
  EXPECT_GT(acked, 1000u);
}

}  // namespace
}  // namespace headrace::testing_support
