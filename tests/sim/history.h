// History: what one seed tells: several lives of a data directory, and at many moments of them the question
// what a power cut or a kill would leave.
//
// Each life recovers, works, and ends. At chance operations of its disk the moment is kept: the disk's state
// and what had been acknowledged. Every such moment is tried: the power goes, in two ways that differ in what
// survives, or the process is killed; storage recovers from that and everything is compared with the truth;
// the power goes again while it recovers, and so on, three deep. Then one moment is where the next life begins.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/life.h"
#include "tests/sim/simulated_disk.h"

namespace headrace::sim {

struct Tallied {
  uint64_t states = 0;    // recovered from and compared
  uint64_t again = 0;     // of them: the power went during recovery
  uint64_t killed = 0;    // of them: the process ended, and what was un-synced stays with the kernel
  uint64_t damaged = 0;   // of them: a bit was flipped besides
  uint64_t refused = 0;   // of those: storage refused to start
  uint64_t operations = 0;
  Deeds deeds;
  uint64_t trace = 0;     // a hash over every operation; the same for the same seed
};

class History {
 public:
  // `root` is where the disk's files are kept. `tallied` may be shared with another process.
  History(uint64_t seed, std::string root, Tallied& tallied);

  // What is wrong; empty: nothing.
  std::string run(uint64_t states_max);

 private:
  struct Moment {
    DiskState disk;
    Truth truth;
    std::string where;
  };
  struct Run {  // of storage on a disk
    std::string wrong;
    bool damage_seen = false;
    Moment end;
    std::vector<Moment> moments;
  };
  struct Wish {  // for moments
    uint64_t one_in;
    size_t most;
  };
  // Begins a life on `disk`, lets `live` go on with it, keeps moments as wished.
  Run start(const DiskState& disk, Truth& truth, Wish wish, bool harmed,
            const std::function<std::string(Life&)>& live);
  std::string live_once();
  std::string try_moment(const Moment& moment, int depth);

  Dice dice_;
  std::string root_;
  Tallied& tallied_;
  DiskState disk_;
  Truth truth_;
};

}  // namespace headrace::sim
