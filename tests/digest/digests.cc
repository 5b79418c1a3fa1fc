// digests [--first-seed N] [--seeds N] [--print]: the digest of the live state, of one that crashed and replayed, and of
// one rebuilt from the log must be one. --print says it for each seed, so that builds can be compared.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "tests/digest/workload.h"

namespace headrace::digest {
namespace {

namespace fs = std::filesystem;

struct Wish {
  uint64_t first = 1, count = 40;
  bool print = false;
};

bool parse(int argc, char** argv, Wish& wish) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    uint64_t* number = word == "--seeds" ? &wish.count : word == "--first-seed" ? &wish.first : nullptr;
    if (word == "--print") {
      wish.print = true;
    } else if (number != nullptr && i + 1 < argc) {
      *number = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return false;
    }
  }
  return true;
}

// In memory where that is to be had: this is about what is written, not whether it lasts.
fs::path scratch() { return fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path(); }

struct Folder {
  Folder() {
    std::string pattern = (scratch() / "headrace-digests-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

bool fail(uint64_t seed, std::string_view what) {
  fmt::print("seed {}: {}\n", seed, what);
  return false;
}

bool check(uint64_t seed, bool print) {
  Folder folder;
  Workload workload(seed);
  auto live = workload.run(folder.path + "/live", Stops::none);
  auto crashed = workload.run(folder.path + "/crashed", Stops::crashes);
  if (!live.ok() || !crashed.ok()) return fail(seed, (live.ok() ? crashed : live).problem().text());
  auto rebuilt = workload.rebuilt(folder.path + "/live"), after = workload.rebuilt(folder.path + "/crashed");
  if (!rebuilt.ok() || !after.ok()) return fail(seed, (rebuilt.ok() ? after : rebuilt).problem().text());
  if (print) fmt::print("{} {}\n", seed, text_of(*live));
  if (*crashed != *live) return fail(seed, "replayed after crashes: " + text_of(*crashed) + ", live: " + text_of(*live));
  if (*rebuilt != live->state || *after != live->state) return fail(seed, "rebuilt from the log: another state");
  return true;
}

int run(const Wish& wish) {
  uint64_t wrong = 0;
  for (uint64_t seed = wish.first; seed < wish.first + wish.count; ++seed) wrong += !check(seed, wish.print);
  if (!wish.print) fmt::print("{} seeds: {} whose live, replayed and rebuilt states differ\n", wish.count, wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace::digest

int main(int argc, char** argv) {
  headrace::digest::Wish wish;
  if (headrace::digest::parse(argc, argv, wish)) return headrace::digest::run(wish);
  fmt::print(stderr, "digests [--first-seed N] [--seeds N] [--print]\n");
  return 2;
}
