// Rules of the protocol that the power-cut simulator breaks on purpose, to show that it would notice.
#pragma once

#include <cstdint>

namespace headrace {

enum class Rule : uint8_t {
  one_commit_at_a_time,  // rule R: none while a checkpoint is being made durable
  log_before_state,      // what a commit holds is durable in the log
  views_hold_commits,    // the third commit waits until a view is given back
};

// False in every program but the simulator, which links a definition of its own in front of this one.
bool is_broken(Rule rule);

}  // namespace headrace
