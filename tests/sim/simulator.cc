// simulator: power cuts, kills and damage on the real storage code and the real liblmdb over a simulated disk.
//
//   simulator [--states N] [--first-seed N] [--jobs N] [--directory DIR]   histories until N states were tried
//   simulator --seed N                                                     one history, twice: are they the same?
//   simulator --fault NAME [--states N]                                    succeeds where the fault is noticed
//   simulator --sweep CASES [--seed N]                                     failing calls, up to CASES of each kind
//
// Each history has a process of its own, so that one which crashes is a finding like any other. A seed fixes a
// history whole (schedule.h says how): the same program replays it, down to every byte written.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "src/base/check.h"
#include "src/base/log.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/sweep.h"

namespace headrace::sim {
namespace {

constexpr unsigned history_s_max = 300;  // a longer one hangs

struct Options {
  uint64_t states = 2'000, first_seed = 1, jobs = 2;
  std::optional<uint64_t> seed, sweep;
  std::string directory = "/dev/shm";
};

// One worker's, shared with it.
struct Report {
  Tallied tallied;
  char wrong[4000];
};

struct Worker {
  Report* report = nullptr;
  pid_t process = 0;  // 0: none
  uint64_t seed = 0;
  std::string directory;
};

class Simulator {
 public:
  explicit Simulator(Options options) : options_(std::move(options)), next_seed_(options_.first_seed) {
    if (options_.seed) options_.jobs = 1;
    began_us_ = system_clock().monotonic();
    for (uint64_t i = 0; i < options_.jobs; ++i) {
      void* shared = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      CHECK(shared != MAP_FAILED);
      workers_.push_back({new (shared) Report{}, 0, 0,
                          options_.directory + "/headrace-simulator-" + std::to_string(::getpid()) + "-" +
                              std::to_string(i)});
    }
  }
  ~Simulator() {
    for (const Worker& worker : workers_) std::filesystem::remove_all(worker.directory);
  }

  // How many histories went wrong.
  uint64_t run() {
    while (true) {
      bool busy = false;
      for (Worker& worker : workers_) {
        if (worker.process == 0 && wanted()) begin(worker);
        if (worker.process != 0 && !ended(worker)) busy = true;
      }
      print_progress(false);
      if (!busy && !wanted()) break;
      ::usleep(2'000);
    }
    print_progress(true);
    return wrong_;
  }

  Tallied sum() const {
    Tallied sum = done_;
    for (const Worker& worker : workers_) add(worker.report->tallied, sum);
    return sum;
  }

 private:
  bool wanted() const {
    if (options_.seed) return histories_ < 2;
    bool found = chosen_fault() != Fault::none && wrong_ > 0;
    return !found && sum().states < options_.states;
  }

  void begin(Worker& worker) {
    worker.seed = options_.seed ? *options_.seed : next_seed_++;
    ++histories_;
    std::filesystem::create_directories(worker.directory);
    worker.process = ::fork();
    CHECK(worker.process >= 0);
    if (worker.process != 0) return;
    ::alarm(history_s_max);
    int log = ::open((worker.directory + "/stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(log, 2);
    History history(worker.seed, worker.directory + "/disk", worker.report->tallied);
    std::string wrong = history.run(UINT64_MAX);
    std::strncpy(worker.report->wrong, wrong.c_str(), sizeof worker.report->wrong - 1);
    ::_exit(wrong.empty() ? 0 : 1);
  }

  bool ended(Worker& worker) {
    int status = 0;
    if (::waitpid(worker.process, &status, WNOHANG) == 0) return false;
    worker.process = 0;
    if (status != 0) {
      ++wrong_;
      std::printf("\nBAD: seed %lu: %s\n", worker.seed, why(worker, status).c_str());
    }
    if (options_.seed) compare(worker.report->tallied);
    add(worker.report->tallied, done_);
    *worker.report = {};
    return true;
  }

  // Of one seed's two histories: the same operations on the disk, in number and in every byte?
  void compare(const Tallied& one) {
    std::printf("\nseed %lu: %lu operations, trace %016lx\n", *options_.seed, one.operations, one.trace);
    if (histories_ == 2 && one.trace != trace_) {
      ++wrong_;
      std::printf("BAD: the second history is another one\n");
    }
    trace_ = one.trace;
  }

  static std::string why(const Worker& worker, int status) {
    if (!WIFSIGNALED(status)) return worker.report->wrong;
    std::ifstream log(worker.directory + "/stderr");
    std::string text(std::istreambuf_iterator<char>(log), {});
    if (text.size() > 1000) text.erase(0, text.size() - 1000);
    return "state " + std::to_string(worker.report->tallied.states + 1) + " ended by signal " +
           std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")\n" + text;
  }

  static void add(const Tallied& more, Tallied& sum) {
    sum.states += more.states;
    sum.again += more.again;
    sum.killed += more.killed;
    sum.damaged += more.damaged;
    sum.refused += more.refused;
    sum.operations += more.operations;
    sum.deeds.add(more.deeds);
  }

  void print_progress(bool last) {
    Micros now = system_clock().monotonic();
    if (!last && now - printed_us_ < second_us) return;
    printed_us_ = now;
    Tallied all = sum();
    double seconds = static_cast<double>(now - began_us_) / 1e6, rate = static_cast<double>(all.states) / seconds;
    uint64_t left = options_.states > all.states ? options_.states - all.states : 0;
    std::printf("%s%lu of %lu states (%lu in a second recovery, %lu kills, %lu damaged, %lu of them refused), "
                "%.0f/s, %lu bad, ETA %.0f s   ",
                ::isatty(1) || last ? "\r" : "", all.states, options_.states, all.again, all.killed, all.damaged,
                all.refused, rate, wrong_, rate > 0 ? static_cast<double>(left) / rate : 0);
    if (!::isatty(1) || last) std::printf("\n");
    if (last) print_deeds(all.deeds);
    std::fflush(stdout);
  }

  static void print_deeds(const Deeds& deeds) {
    std::printf("segments: %lu rewritten, %lu thinned, %lu dropped; %lu bases copied, %lu lent states read, %lu erasures, %lu switches\n",
                deeds.rewritten, deeds.thinned, deeds.dropped, deeds.based, deeds.read, deeds.erased, deeds.switched);
  }

  Options options_;
  std::vector<Worker> workers_;
  Tallied done_;
  uint64_t next_seed_, histories_ = 0, wrong_ = 0, trace_ = 0;
  Micros began_us_, printed_us_ = 0;
};

int usage() {
  std::printf("simulator [--states N] [--first-seed N] [--jobs N] [--directory DIR] [--seed N] [--fault NAME] [--sweep CASES]\nfaults:\n");
  for (const FaultName& one : fault_names)
    std::printf("  %-18s %s\n", std::string(one.name).c_str(), std::string(one.about).c_str());
  return 2;
}

bool choose_fault(std::string_view name) {
  for (const FaultName& one : fault_names) {
    if (one.name == name) return choose(one.fault), true;
  }
  return false;
}

constexpr std::string_view number_names[] = {"--states", "--first-seed", "--jobs", "--seed", "--sweep"};

bool parse(int count, char** words, Options& options) {
  std::map<std::string_view, uint64_t> numbers;
  for (int i = 1; i + 1 < count; i += 2) {
    std::string_view name = words[i], value = words[i + 1];
    if (name == "--directory") options.directory = value;
    if (name == "--fault" && !choose_fault(value)) return false;
    if (name == "--directory" || name == "--fault") continue;
    if (std::ranges::find(number_names, name) == std::end(number_names)) return false;
    uint64_t number = 0;
    if (std::from_chars(value.begin(), value.end(), number).ptr != value.end()) return false;
    numbers[name] = number;
  }
  if (numbers.contains("--states")) options.states = numbers["--states"];
  if (numbers.contains("--first-seed")) options.first_seed = numbers["--first-seed"];
  if (numbers.contains("--jobs")) options.jobs = std::max<uint64_t>(1, numbers["--jobs"]);
  if (numbers.contains("--seed")) options.seed = numbers["--seed"];
  if (numbers.contains("--sweep")) options.sweep = numbers["--sweep"];
  if (!std::filesystem::is_directory(options.directory)) options.directory = std::filesystem::temp_directory_path();
  return count % 2 == 1;
}

int run_sweep(const Options& options) {
  std::string root = options.directory + "/headrace-sweep-" + std::to_string(::getpid());
  set_log_level(Level::error);
  uint64_t wrong = sweep_all(root + "/disk", options.seed.value_or(1), *options.sweep);
  std::filesystem::remove_all(root);
  return wrong == 0 ? 0 : 1;
}

int run(int count, char** words) {
  Options options;
  if (!parse(count, words, options)) return usage();
  if (options.sweep) return run_sweep(options);
  uint64_t wrong = Simulator(options).run();
  return (wrong > 0) == (chosen_fault() != Fault::none) ? 0 : 1;
}

}  // namespace
}  // namespace headrace::sim

int main(int count, char** words) { return headrace::sim::run(count, words); }
