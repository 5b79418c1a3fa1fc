// The one place that knows LMDB.
#include "storage/state.h"

#include <lmdb.h>

#include <cstring>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr const char* tree_names[tree_count] = {"documents", "indexes", "rows", "meta"};
constexpr size_t crc_bytes = 4;
constexpr size_t inline_bytes_about = 2000;  // LMDB puts larger values on pages of their own

MDB_val to_val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view from_val(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

uint32_t crc_of(Tree tree, std::string_view key, std::string_view bytes) {
  char name = static_cast<char>(tree);
  return crc32c(bytes, crc32c(key, crc32c({&name, 1})));
}

Digest element(Tree tree, std::string_view key, std::string_view stored) {
  return hash128(stored, hash64(key, static_cast<uint64_t>(tree)));
}

bool same(std::string_view stored, std::string_view head, std::string_view tail) {
  return stored.size() == crc_bytes + head.size() + tail.size() &&
         stored.substr(crc_bytes, head.size()) == head && stored.substr(crc_bytes + head.size()) == tail;
}

size_t pages_of(size_t value_bytes, size_t page_bytes) {
  return value_bytes <= inline_bytes_about ? 1 : 2 + value_bytes / page_bytes;
}

Problem lmdb_problem(int code, const char* what) {
  return Problem(Error::storage_io, std::string("LMDB ") + what + ": " + mdb_strerror(code));
}

}  // namespace

struct State::Handles {
  ~Handles() {
    if (txn != nullptr) mdb_txn_abort(txn);
    if (env != nullptr) mdb_env_close(env);
  }
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi trees[tree_count] = {};

  MDB_dbi of(Tree tree) const { return trees[static_cast<size_t>(tree)]; }
};

State::State(FailStop fail_stop) : lmdb_(std::make_unique<Handles>()), fail_stop_(std::move(fail_stop)) {}
State::~State() = default;

Result<std::unique_ptr<State>> State::open(const std::string& directory, size_t map_bytes,
                                           FailStop fail_stop) {
  std::unique_ptr<State> state(new State(std::move(fail_stop)));
  TRY_DONE(state->open_environment(directory, map_bytes));
  return state;
}

Result<> State::open_environment(const std::string& directory, size_t map_bytes) {
  int code = mdb_env_create(&lmdb_->env);
  if (code == 0) code = mdb_env_set_mapsize(lmdb_->env, map_bytes);
  if (code == 0) code = mdb_env_set_maxdbs(lmdb_->env, tree_count);
  constexpr unsigned flags = MDB_NOTLS | MDB_NOSYNC | MDB_NORDAHEAD | MDB_NOLOCK;
  if (code == 0) code = mdb_env_open(lmdb_->env, directory.c_str(), flags, 0600);
  if (code == 0) code = mdb_txn_begin(lmdb_->env, nullptr, 0, &lmdb_->txn);
  for (size_t i = 0; i < tree_count && code == 0; ++i) {
    code = mdb_dbi_open(lmdb_->txn, tree_names[i], MDB_CREATE, &lmdb_->trees[i]);
  }
  MDB_stat about;
  if (code == 0) code = mdb_env_stat(lmdb_->env, &about);
  if (code != 0) return lmdb_problem(code, ("open of " + directory).c_str());
  page_bytes_ = about.ms_psize;
  return Done{};
}

void State::fail(int code, const char* what) {
  failed_ = true;
  fail_stop_(lmdb_problem(code, what));
}

std::optional<std::string_view> State::checked(Tree tree, std::string_view key, std::string_view stored) {
  uint32_t crc = 0;
  if (stored.size() >= crc_bytes) std::memcpy(&crc, stored.data(), crc_bytes);
  if (stored.size() >= crc_bytes && crc == crc_of(tree, key, stored.substr(crc_bytes))) {
    return stored.substr(crc_bytes);
  }
  failed_ = true;
  fail_stop_(Problem(Error::storage_damaged, std::string("A value of the state's ") +
                                                 tree_names[static_cast<size_t>(tree)] +
                                                 " fails its checksum"));
  return std::nullopt;
}

std::optional<std::string_view> State::get(Tree tree, std::string_view key) {
  if (failed_) return std::nullopt;
  MDB_val name = to_val(key), value;
  int code = mdb_get(lmdb_->txn, lmdb_->of(tree), &name, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return fail(code, "get"), std::nullopt;
  return checked(tree, key, from_val(value));
}

void State::put(Tree tree, std::string_view key, std::string_view head, std::string_view tail) {
  if (failed_) return;
  CHECK(key.size() <= state_key_bytes_max);
  MDB_val name = to_val(key), value;
  int code = mdb_get(lmdb_->txn, lmdb_->of(tree), &name, &value);
  if (code == 0 && same(from_val(value), head, tail)) return;
  if (code == 0) sum(tree) -= element(tree, key, from_val(value));
  if (code != 0 && code != MDB_NOTFOUND) return fail(code, "get");
  value = {crc_bytes + head.size() + tail.size(), nullptr};
  code = mdb_put(lmdb_->txn, lmdb_->of(tree), &name, &value, MDB_RESERVE);
  if (code != 0) return fail(code, "put");
  char* to = static_cast<char*>(value.mv_data);
  if (!head.empty()) std::memcpy(to + crc_bytes, head.data(), head.size());
  if (!tail.empty()) std::memcpy(to + crc_bytes + head.size(), tail.data(), tail.size());
  uint32_t crc = crc_of(tree, key, {to + crc_bytes, head.size() + tail.size()});
  std::memcpy(to, &crc, crc_bytes);
  sum(tree) += element(tree, key, from_val(value));
  dirty_pages_ += pages_of(value.mv_size, page_bytes_);
}

void State::erase(Tree tree, std::string_view key) {
  if (failed_) return;
  MDB_val name = to_val(key), value;
  int code = mdb_get(lmdb_->txn, lmdb_->of(tree), &name, &value);
  if (code == MDB_NOTFOUND) return;
  if (code == 0) {
    sum(tree) -= element(tree, key, from_val(value));
    code = mdb_del(lmdb_->txn, lmdb_->of(tree), &name, nullptr);
  }
  if (code != 0) return fail(code, "erase");
  ++dirty_pages_;
}

void State::drop(Tree tree) {
  if (failed_) return;
  int code = mdb_drop(lmdb_->txn, lmdb_->of(tree), 0);
  if (code != 0) return fail(code, "drop");
  sum(tree) = {};
  ++dirty_pages_;
}

uint64_t State::entries(Tree tree) {
  MDB_stat about{};
  if (!failed_) mdb_stat(lmdb_->txn, lmdb_->of(tree), &about);
  return about.ms_entries;
}

Digest State::digest() const {
  Digest all;
  for (Tree tree : {Tree::documents, Tree::indexes, Tree::rows}) all += digest(tree);
  return all;
}

Result<Digest> State::count_digest(Tree tree) {
  Digest all;
  StateCursor cursor(*this, tree);
  for (bool there = cursor.seek({}); there; there = cursor.next()) {
    auto value = cursor.value();
    if (!value) return Problem(Error::storage_damaged, "state", "A value fails its checksum");
    all += element(tree, cursor.key(), {value->data() - crc_bytes, value->size() + crc_bytes});
  }
  if (failed_) return Problem(Error::storage_io, "state", "The state cannot be read");
  return all;
}

uint64_t State::commit() {
  if (failed_) return 0;
  uint64_t id = mdb_txn_id(lmdb_->txn);
  int code = mdb_txn_commit(lmdb_->txn);
  lmdb_->txn = nullptr;
  if (code != 0) return fail(code, "commit"), 0;
  dirty_pages_ = 0;
  return begin() ? id : 0;
}

bool State::begin() {
  int code = mdb_txn_begin(lmdb_->env, nullptr, 0, &lmdb_->txn);
  if (code != 0) fail(code, "begin");
  return code == 0;
}

struct StateCursor::Handle {
  ~Handle() {
    if (cursor != nullptr) mdb_cursor_close(cursor);
  }
  MDB_cursor* cursor = nullptr;
};

StateCursor::StateCursor(State& state, Tree tree)
    : state_(state), tree_(tree), handle_(std::make_unique<Handle>()) {
  if (state_.failed_) return;
  int code = mdb_cursor_open(state_.lmdb_->txn, state_.lmdb_->of(tree), &handle_->cursor);
  if (code != 0) state_.fail(code, "cursor");
}

StateCursor::~StateCursor() = default;

bool StateCursor::move(int operation) {
  if (state_.failed_) return false;
  MDB_val name = to_val(key_), value;
  int code = mdb_cursor_get(handle_->cursor, &name, &value, static_cast<MDB_cursor_op>(operation));
  if (code != 0) {
    if (code != MDB_NOTFOUND) state_.fail(code, "cursor");
    return false;
  }
  key_ = from_val(name);
  stored_ = from_val(value);
  return true;
}

bool StateCursor::seek(std::string_view key) {
  key_ = key;
  return move(key.empty() ? MDB_FIRST : MDB_SET_RANGE);
}

bool StateCursor::seek_before(std::string_view key) { return seek(key) ? move(MDB_PREV) : last(); }
bool StateCursor::last() { return move(MDB_LAST); }
bool StateCursor::next() { return move(MDB_NEXT); }
bool StateCursor::previous() { return move(MDB_PREV); }

std::optional<std::string_view> StateCursor::value() { return state_.checked(tree_, key_, stored_); }

}  // namespace headrace
