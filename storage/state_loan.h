// StateLoan: the state as the newest checkpoint left it, lent by its owner to a thread that copies it.
//
// Operation: the borrower asks and is woken when the owner lends; the owner goes on with its work, but the third
// commit waits (state.h says why). Where that presses it wants the loan back; the borrower looks between entries, and
// must come again later. Lives on: borrow() to give_back() on one thread at a time, the rest on the owner's. Limits:
// limits::base_wait_us until it is lent; the borrower says for how long (base_piece_us, scrub_loan_us).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "storage/checkpoint_store.h"
#include "storage/state.h"

namespace headrace {

class StateLoan {
 public:
  struct Lent {
    std::shared_ptr<StateView> view;
    Checkpoint checkpoint;  // durable
  };

  explicit StateLoan(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Borrower. Error::overloaded where nothing was lent in time: there is no checkpoint yet, or one is in flight.
  Result<Lent> borrow();
  bool wanted_back() const { return wanted_back_.load(std::memory_order_relaxed); }
  void give_back(Lent lent);

  // Somebody waits to write a base.
  bool writing_wanted() const;

  // Owner.
  bool asked() const { return asked_.load(std::memory_order_relaxed); }
  void lend(Lent lent);
  // The transaction that is lent.
  std::optional<uint64_t> lent() const;
  void want_back() { wanted_back_.store(true, std::memory_order_relaxed); }
  void wait_back();
  // Nothing is lent any more; who waits for it is told so at once.
  void end();

  // Held by either while a base is written: one at a time, since each clears away what is unfinished. A borrower asks
  // for it only once it has the state, so the owner, who waits for the state first, never waits for ever: who holds it and would
  // borrow again is refused where another one waits (writing_wanted).
  class Writing {
   public:
    explicit Writing(StateLoan& loan);
    ~Writing();
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    StateLoan& loan_;
  };

 private:
  std::function<void()> wake_;
  std::atomic<bool> asked_{false}, wanted_back_{false};
  std::atomic<uint64_t> lent_txn_{0};  // 0: none
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Lent> ready_;  // lent, and not yet taken
  bool ended_ = false, writing_ = false;
  size_t writers_waiting_ = 0;
};

}  // namespace headrace
