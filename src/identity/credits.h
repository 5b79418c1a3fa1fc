// Credits: what accounts pay predictions with, charged exactly once without a hop on the way.
//
//   Account.credits            what no partition has                               document of the control partition
//   CreditGrants.granted[p]    given to partition p so far                         likewise
//   paid[p]                    the sum of charges in the log of p                  row (src/events/charge.h)
//
//   balance = credits + sum of (granted[p] - paid[p])
//
// Operation: a partition spends what it was granted and has not yet paid, on its own loop and without waiting. What it lacks
// it obtains from the control partition; where that has nothing left, every partition gives back what it has not spent. One
// account is worked on at a time, so that nothing is granted twice, and all of it is found again after a crash: grants and
// charges are in the log. Lives on: any loop; what a partition was granted is known on its loop. Limits:
// limits::credit_accounts_max accounts known to a partition.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/events/shards.h"
#include "src/identity/identity.h"
#include "src/runtime/sequence.h"

namespace headrace {

struct CreditGrants {
  std::vector<int64_t> granted;  // by partition
  static constexpr auto shape() { return std::tuple{field("granted", &CreditGrants::granted, "By partition")}; }
};

class Credits {
 public:
  Credits(Shards& shards, Identity& identity);

  // On the loop of the partition. Whether the account has so many to spend there now: what is then logged before the
  // coroutine suspends is covered.
  bool covers(Shard& shard, std::string_view account, int64_t cost);
  // Likewise; makes it so. Error::insufficient_credits.
  Task<Result<>> obtain(Shard& shard, std::string account, int64_t cost);

  // Any loop. In the order of the accounts (UUIDs); 0 where there is none.
  Task<Result<std::vector<int64_t>>> balances(std::vector<std::string> accounts);
  // Any loop. The account with all that no partition has spent.
  Task<Result<Account>> settled(std::string account);

 private:
  struct Wish {
    std::string account;
    uint32_t partition = 0;
    int64_t cost = 0;
    int64_t paid = 0;  // there, as all below: what is reserved included
  };
  // What a partition knows of an account.
  struct Purse {
    int64_t granted = 0;
    int64_t reserved = 0;  // for who has obtained it and is about to pay
    bool open = false;     // otherwise `granted` may change elsewhere
  };
  using Purses = std::unordered_map<std::string, Purse>;

  static Result<int64_t> decide_grant(const Documents& documents, const Wish& want, const Stamp& stamp, Effects& effects);
  struct Paid {
    std::string account;
    std::vector<int64_t> by_partition;
  };
  static Result<Account> decide_settle(const Documents& documents, const Paid& want, const Stamp& stamp, Effects& effects);

  static Task<Result<int64_t>> grant_here(Credits* self, Wish wish);
  static Task<Result<Account>> settle_here(Credits* self, std::string account);
  Task<Result<Account>> settle(std::string account);
  static void adopt_here(Credits* self, Wish wish, int64_t granted);
  Task<Result<int64_t>> grant(Wish wish);
  static int64_t release_here(Credits* self, uint32_t partition, std::string account);
  static std::vector<int64_t> paid_here(Shard* shard, std::vector<std::string> accounts);

  Shards& shards_;
  Identity& identity_;
  std::vector<Purses> purses_;  // by partition, each on its loop
  uint64_t tickets_ = 0;          // on the control loop
  Sequence served_;
};

}  // namespace headrace
