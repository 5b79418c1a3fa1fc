// As much as one loan allows, then on from there.
#include "storage/state_scrub.h"

#include <algorithm>

#include "src/base/limits.h"
#include "storage/state_loan.h"

namespace headrace {
namespace {

constexpr StateTree trees[] = {StateTree::documents, StateTree::indexes, StateTree::rows};
constexpr size_t trees_end = std::size(trees);

}  // namespace

// Not at once: a server that just starts, or is stopped again, has no checkpoint to lend.
StateScrub::StateScrub(StateScrubOptions options)
    : options_(std::move(options)),
      next_pass_us_(options_.clock->monotonic() + std::min(options_.period_us, limits::scrub_first_us)) {}

bool StateScrub::step() {
  Micros now = options_.clock->monotonic();
  if (!options_.loan || options_.period_us == 0 || now < next_pass_us_) return false;
  loan_ = options_.loan();
  auto lent = loan_->borrow();
  if (!lent) {
    next_pass_us_ = options_.clock->monotonic() + limits::base_retry_us;
    return false;
  }
  if (tree_ == 0 && next_key_.empty()) pass_begun_us_ = now, in_one_loan_ = true, digest_ = {};
  auto done = read(*lent->view, lent->checkpoint.digest);
  loan_->give_back(std::move(*lent));
  if (!done && done.problem().error == Error::overloaded) return in_one_loan_ = false, true;
  end_pass(done);
  return false;
}

Result<> StateScrub::read(const StateView& view, const Digest& promised) {
  const Micros until = options_.clock->monotonic() + limits::scrub_loan_us;
  for (; tree_ < trees_end; ++tree_, next_key_.clear()) TRY_DONE(read_tree(view, until));
  if (!in_one_loan_ || digest_ == promised) return Done{};
  return Problem(Error::storage_damaged, "state", "The values are not those that its digest was made of");
}

Result<> StateScrub::read_tree(const StateView& view, Micros until) {
  uint64_t values = 0, bytes = 0;
  auto visit = [&](std::string_view key, std::string_view stored) -> Result<> {
    bool look = values % limits::base_entries_between_looks == 0 && values > 0;
    if (look && (loan_->wanted_back() || options_.clock->monotonic() > until)) {
      next_key_ = key;
      return Error::overloaded;
    }
    digest_ += digest_of(trees[tree_], key, stored);
    ++values, bytes += key.size() + stored.size();
    return Done{};
  };
  auto done = view.each(trees[tree_], visit, next_key_);
  std::lock_guard lock(mutex_);
  stats_.values += values, stats_.bytes += bytes;
  return done;
}

void StateScrub::end_pass(const Result<>& done) {
  tree_ = 0;
  next_key_.clear();
  next_pass_us_ = pass_begun_us_ + options_.period_us;
  if (!done && options_.found) options_.found(done.problem());
  std::lock_guard lock(mutex_);
  ++stats_.passes;
  stats_.damaged = !done;
}

StateScrubStats StateScrub::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace headrace
