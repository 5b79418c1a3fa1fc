// Who gives and who takes back wait in one line, on the control loop.
#include "src/identity/credits.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/limits.h"
#include "src/events/charge.h"
#include "src/identity/effects.h"
#include "src/identity/tables.h"
#include "src/runtime/ask.h"

namespace headrace {
namespace {

int64_t paid_at(Shard& shard, std::string_view account) {
  return credits_paid(shard.partition().rows().find(credit_table, account));
}

CreditGrants grants_of(const Documents& documents, std::string_view account) {
  return load<CreditGrants>(documents, tables::credit_grants, account).value_or(CreditGrants{});
}

int64_t& granted_to(CreditGrants& grants, size_t partition) {
  if (grants.granted.size() <= partition) grants.granted.resize(partition + 1);
  return grants.granted[partition];
}

Problem too_few() { return {Error::insufficient_credits, "The account has too few credits"}; }

// What the accounts have that is granted or not, paid or not.
Result<std::vector<int64_t>> given_to(const Documents& documents, const std::vector<std::string>& accounts) {
  std::vector<int64_t> out;
  for (const std::string& id : accounts) {
    auto account = load<Account>(documents, tables::accounts, id);
    int64_t& sum = out.emplace_back(account ? account->credits : 0);
    if (account)
      for (int64_t granted : grants_of(documents, id).granted) sum += granted;
  }
  return out;
}

}  // namespace

Credits::Credits(Shards& shards, Identity& identity)
    : shards_(shards), identity_(identity), purses_(shards.count()) {}

bool Credits::covers(Shard& shard, std::string_view account, int64_t cost) {
  Purses& purses = purses_[shard.id()];
  auto found = purses.find(std::string(account));
  if (found == purses.end() || !found->second.open) return false;
  return found->second.granted - found->second.reserved - paid_at(shard, account) >= cost;
}

Task<Result<>> Credits::obtain(Shard& shard, std::string account, int64_t cost) {
  Wish wish{account, shard.id(), cost};
  Result<int64_t> granted = co_await ask(identity_.loop(), grant_here, this, std::move(wish));
  if (!granted.ok()) co_return granted.problem();
  purses_[shard.id()].at(account).reserved -= cost;
  co_return Done{};
}

// A share of what is left, so that a busy account asks rarely and one that runs out is not spread thin.
Result<int64_t> Credits::decide_grant(const Documents& documents, const Wish& want, const Stamp& stamp, Effects& effects) {
  auto account = load<Account>(documents, tables::accounts, want.account);
  if (!account) return too_few();
  CreditGrants grants = grants_of(documents, want.account);
  int64_t& granted = granted_to(grants, want.partition);
  const int64_t lacking = want.cost - (granted - want.paid);
  if (lacking <= 0) return granted;
  if (account->credits < lacking) return too_few();
  const int64_t share = std::min(account->credits / 8, limits::credit_lease_max);
  const int64_t lease = std::max(lacking, share), before = account->credits;
  granted += lease, account->credits -= lease;
  if (before >= limits::credits_low && account->credits < limits::credits_low)
    effects.record(stamp, "user.credit_low", account->id, fmt::format(R"({{"user_id":{},"credits_remaining":{}}})", account->number, before));
  effects.put(tables::accounts, account->id, *account);
  effects.put(tables::credit_grants, account->id, grants);
  return granted;
}

Result<Account> Credits::decide_settle(const Documents& documents, const Paid& want, const Stamp&, Effects& effects) {
  auto account = load<Account>(documents, tables::accounts, want.account);
  if (!account) return Error::user_not_found;
  CreditGrants grants = grants_of(documents, want.account);
  grants.granted.resize(std::max(grants.granted.size(), want.by_partition.size()));
  bool changed = false;
  for (size_t p = 0; p < grants.granted.size(); ++p) {
    const int64_t paid = p < want.by_partition.size() ? want.by_partition[p] : 0;  // there were more partitions once
    changed |= grants.granted[p] != paid;
    account->credits += grants.granted[p] - paid;
    grants.granted[p] = paid;
  }
  if (!changed) return std::move(*account);
  effects.put(tables::accounts, account->id, *account);
  effects.put(tables::credit_grants, account->id, grants);
  return std::move(*account);
}

Task<Result<int64_t>> Credits::grant_here(Credits* self, Wish wish) {
  const uint64_t ticket = self->tickets_++;
  co_await self->served_.at_least(ticket);
  Result<int64_t> granted = co_await self->grant(std::move(wish));
  self->served_.advance(ticket + 1);
  co_return granted;
}

// Within the line, as settle().
Task<Result<int64_t>> Credits::grant(Wish wish) {
  Loop& loop = shards_[wish.partition].loop();
  Result<int64_t> paid = co_await ask(loop, release_here, this, wish.partition, wish.account);
  if (!paid.ok()) co_return paid.problem();
  wish.paid = *paid;
  Result<int64_t> granted = co_await identity_.change(decide_grant, wish);
  if (!granted.ok() && granted.problem().error == Error::insufficient_credits) {
    Result<Account> settled = co_await settle(wish.account);
    if (!settled.ok()) co_return settled.problem();
    granted = co_await identity_.change(decide_grant, wish);
  }
  if (!granted.ok()) co_return granted.problem();
  Result<> adopted = co_await ask(loop, adopt_here, this, std::move(wish), *granted);
  if (!adopted.ok()) co_return adopted.problem();
  co_return granted;
}

Task<Result<Account>> Credits::settle(std::string account) {
  Paid paid{account, {}};
  for (uint32_t p = 0; p < shards_.count(); ++p) {
    Result<int64_t> released = co_await ask(shards_[p].loop(), release_here, this, p, account);
    if (!released.ok()) co_return released.problem();
    paid.by_partition.push_back(*released);
  }
  co_return co_await identity_.change(decide_settle, std::move(paid));
}

Task<Result<Account>> Credits::settle_here(Credits* self, std::string account) {
  const uint64_t ticket = self->tickets_++;
  co_await self->served_.at_least(ticket);
  Result<Account> settled = co_await self->settle(std::move(account));
  self->served_.advance(ticket + 1);
  co_return settled;
}

Task<Result<Account>> Credits::settled(std::string account) {
  co_return co_await ask(identity_.loop(), settle_here, this, std::move(account));
}

// What is forgotten is obtained again.
void Credits::adopt_here(Credits* self, Wish wish, int64_t granted) {
  Purses& purses = self->purses_[wish.partition];
  if (purses.size() >= limits::credit_accounts_max) std::erase_if(purses, [](auto& one) { return one.second.reserved == 0; });
  Purse& purse = purses[wish.account];
  purse.granted = granted, purse.open = true, purse.reserved += wish.cost;
}

// From now on nothing is spent there, but for what is reserved, until it is granted again.
int64_t Credits::release_here(Credits* self, uint32_t partition, std::string account) {
  const int64_t paid = paid_at(self->shards_[partition], account);
  auto found = self->purses_[partition].find(account);
  if (found == self->purses_[partition].end()) return paid;
  found->second.open = false;
  return paid + found->second.reserved;
}

std::vector<int64_t> Credits::paid_here(Shard* shard, std::vector<std::string> accounts) {
  std::vector<int64_t> out;
  for (const std::string& account : accounts) out.push_back(paid_at(*shard, account));
  return out;
}

Task<Result<std::vector<int64_t>>> Credits::balances(std::vector<std::string> accounts) {
  auto out = co_await identity_.look(given_to, accounts);
  if (!out.ok()) co_return out.problem();
  for (uint32_t p = 0; p < shards_.count(); ++p) {
    auto paid = co_await ask(shards_[p].loop(), paid_here, &shards_[p], accounts);
    if (!paid.ok()) co_return paid.problem();
    for (size_t i = 0; i < accounts.size(); ++i) (*out)[i] -= (*paid)[i];
  }
  co_return out;
}

}  // namespace headrace
