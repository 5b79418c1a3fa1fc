// DamageWorld: a data directory with every kind of file, the truth about it, and what becomes of it after
// damage.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/event_filter.h"
#include "storage/verify.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {

// How damage of a file ends, as a user sees it.
enum class Outcome : uint8_t {
  harmless,  // all answers are right, and `log verify` finds nothing: bytes that nobody reads
  refused,   // the start names it
  mended,    // seen, and made anew from what is whole; all answers are right
  detected,  // a read, `log verify` or the scrub names it; no answer was wrong
  died,      // LMDB ran into it and the process ended: no answer
  wrong,     // an answer was wrong
};
inline constexpr size_t outcome_count = 6;

class DamageWorld {
 public:
  DamageWorld();  // makes the directory and learns the truth

  struct Kind {
    std::string name;
    std::vector<std::string> files;  // relative
  };
  const std::vector<Kind>& kinds() const { return kinds_; }
  const std::string& content(const std::string& file) const { return contents_.at(file); }

  std::string path(const std::string& file) const { return root_ + "/" + file; }
  Disk& disk() { return disk_; }
  PartitionPlace place();

  // Puts the directory back as it was, but with these contents; nothing: the file is removed.
  using Damage = std::map<std::string, std::optional<std::string>>;
  void restore(const Damage& damage);
  // In a child process, as a start and reads of everything find it.
  Outcome look(std::string* why = nullptr);

 private:
  struct Truth {
    std::vector<std::string> records;            // one text per LSN
    std::map<std::string, std::string> state;    // documents and rows; empty: not there
    std::map<size_t, std::vector<Lsn>> answers;  // to the questions of these numbers
    Digest digest;
  };
  struct Looked {
    Outcome outcome;
    std::string why;
  };
  void fill();
  void dig_hole(Bench& bench);
  std::string kind_of_segment(const PartitionPlace& place, uint32_t segment);
  void learn_state(Bench& bench, Truth& truth);
  Result<> check_bases(const PartitionPlace& place);
  void sort_files();
  Looked look_here();
  Result<Truth> learn(Bench& bench, const std::vector<size_t>& asked);
  std::string ids_wrong();

  ScratchDirectory scratch_;
  StrangeDisk disk_;
  std::string root_;
  std::map<std::string, std::string> contents_;
  std::vector<Kind> kinds_;
  Truth truth_;
  size_t looks_ = 0;
};

}  // namespace headrace::testing_support
