// A seeded workload: definitions, events and documents over some partitions, and what state they end in.
#pragma once

#include <string>

#include "codec/checksum.h"
#include "src/features/plan.h"

namespace headrace::digest {

// What must not depend on compilers, crashes, or the way the state came to be.
struct Outcome {
  Digest state;           // of all partitions together
  uint64_t features = 0;  // of what reading every entity answers, to the last bit
  bool operator==(const Outcome&) const = default;
};
std::string text_of(const Outcome& outcome);

enum class Stops : uint8_t {
  none,     // the partitions live on
  crashes,  // at the seed's moments they die without being closed, and recover
};

class Workload {
 public:
  explicit Workload(uint64_t seed);

  // Runs it in `directory`, which is made. The same records whatever `stops` says.
  Result<Outcome> run(const std::string& directory, Stops stops) const;
  // The state of that directory, folded anew from its log.
  Result<Digest> rebuilt(const std::string& directory) const;

 private:
  const uint64_t seed_;
  uint32_t partitions_;
  std::shared_ptr<const features::Plan> plan_;
};

}  // namespace headrace::digest
