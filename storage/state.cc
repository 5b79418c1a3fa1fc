// The one place that knows LMDB.
#include "storage/state.h"

#include <lmdb.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr const char* tree_names[tree_count] = {"documents", "indexes", "rows", "meta"};
constexpr size_t crc_bytes = 4;
constexpr size_t inline_bytes_about = 2000;  // LMDB puts larger values on pages of their own

MDB_val to_val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view from_val(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

uint32_t crc_of(StateTree tree, std::string_view key, std::string_view bytes) {
  char name = static_cast<char>(tree);
  return crc32c(bytes, crc32c(key, crc32c({&name, 1})));
}

bool same(std::string_view stored, std::string_view head, std::string_view tail) {
  return stored.size() == crc_bytes + head.size() + tail.size() &&
         stored.substr(crc_bytes, head.size()) == head && stored.substr(crc_bytes + head.size()) == tail;
}

bool is_whole(StateTree tree, std::string_view key, std::string_view stored) {
  uint32_t crc = 0;
  if (stored.size() < crc_bytes) return false;
  std::memcpy(&crc, stored.data(), crc_bytes);
  return crc == crc_of(tree, key, stored.substr(crc_bytes));
}

Problem damaged_value(StateTree tree) {
  return Problem(Error::storage_damaged, std::string("A value of the state's ") +
                                             tree_names[static_cast<size_t>(tree)] + " fails its checksum");
}

size_t pages_of(size_t value_bytes, size_t page_bytes) {
  return value_bytes <= inline_bytes_about ? 1 : 2 + value_bytes / page_bytes;
}

// LMDB's own codes are negative: what it could not make sense of. The others are the system's, and may pass.
Problem lmdb_problem(int code, const char* what) {
  Error error = code < 0 ? Error::storage_damaged : Error::storage_io;
  return Problem(error, std::string("LMDB ") + what + ": " + mdb_strerror(code));
}

}  // namespace

Digest digest_of(StateTree tree, std::string_view key, std::string_view stored) {
  return hash128(stored, hash64(key, static_cast<uint64_t>(tree)));
}

struct State::Handles {
  ~Handles() {
    if (txn != nullptr) mdb_txn_abort(txn);
    if (env != nullptr) mdb_env_close(env);
  }
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi trees[tree_count] = {};

  MDB_dbi of(StateTree tree) const { return trees[static_cast<size_t>(tree)]; }
  int find(StateTree tree, std::string_view key, MDB_val& value) const;
  int prove_absent(StateTree tree, std::string_view key) const;
};

int State::Handles::find(StateTree tree, std::string_view key, MDB_val& value) const {
  MDB_val name = to_val(key);
  int code = mdb_get(txn, of(tree), &name, &value);
  return code == MDB_NOTFOUND ? prove_absent(tree, key) : code;
}

// A flipped bit in a page can lead a search astray. What is not found must lie between its neighbours, and these must be
// whole: a key that was changed fails its CRC, and one that was passed by is a neighbour on the wrong side.
int State::Handles::prove_absent(StateTree tree, std::string_view key) const {
  MDB_cursor* cursor = nullptr;
  if (int code = mdb_cursor_open(txn, of(tree), &cursor); code != 0) return code;
  MDB_val name = to_val(key), value;
  int code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
  bool right = code != 0 || (from_val(name) > key && is_whole(tree, from_val(name), from_val(value)));
  bool last = code == MDB_NOTFOUND;
  if (code == 0 || last) code = mdb_cursor_get(cursor, &name, &value, last ? MDB_LAST : MDB_PREV);
  bool left = code != 0 || (from_val(name) < key && is_whole(tree, from_val(name), from_val(value)));
  mdb_cursor_close(cursor);
  MDB_stat about{};
  bool empty = last && code == MDB_NOTFOUND;
  if (empty && mdb_stat(txn, of(tree), &about) == 0 && about.ms_entries > 0) return MDB_CORRUPTED;
  return right && left ? (code == 0 ? MDB_NOTFOUND : code) : MDB_CORRUPTED;
}

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
  // Handles opened in a transaction are its own until it is committed; one without a change leaves no trace.
  if (code == 0) code = open_trees(0);
  if (code == 0) {
    code = mdb_txn_commit(std::exchange(lmdb_->txn, nullptr));
    if (code == 0) code = mdb_txn_begin(lmdb_->env, nullptr, 0, &lmdb_->txn);
  } else if (code == MDB_NOTFOUND) {
    code = open_trees(MDB_CREATE);
  }
  MDB_stat about;
  if (code == 0) code = mdb_env_stat(lmdb_->env, &about);
  if (code != 0) return lmdb_problem(code, ("open of " + directory).c_str());
  page_bytes_ = about.ms_psize;
  return Done{};
}

int State::open_trees(unsigned flags) {
  int code = 0;
  for (size_t i = 0; i < tree_count && code == 0; ++i)
    code = mdb_dbi_open(lmdb_->txn, tree_names[i], flags, &lmdb_->trees[i]);
  return code;
}

void State::fail(int code, const char* what) {
  failed_ = true;
  fail_stop_(lmdb_problem(code, what));
}

std::optional<std::string_view> State::checked(StateTree tree, std::string_view key, std::string_view stored) {
  if (is_whole(tree, key, stored)) return stored.substr(crc_bytes);
  failed_ = true;
  fail_stop_(damaged_value(tree));
  return std::nullopt;
}

std::optional<std::string_view> State::get(StateTree tree, std::string_view key) {
  if (failed_) return std::nullopt;
  MDB_val value;
  int code = lmdb_->find(tree, key, value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return fail(code, "get"), std::nullopt;
  return checked(tree, key, from_val(value));
}

void State::put(StateTree tree, std::string_view key, std::string_view head, std::string_view tail) {
  if (failed_) return;
  CHECK(key.size() <= state_key_bytes_max);
  MDB_val name = to_val(key), value;
  int code = mdb_get(lmdb_->txn, lmdb_->of(tree), &name, &value);
  if (code == 0 && same(from_val(value), head, tail)) return;
  if (code == 0) sum(tree) -= digest_of(tree, key, from_val(value));
  if (code != 0 && code != MDB_NOTFOUND) return fail(code, "get");
  value = {crc_bytes + head.size() + tail.size(), nullptr};
  code = mdb_put(lmdb_->txn, lmdb_->of(tree), &name, &value, MDB_RESERVE);
  if (code != 0) return fail(code, "put");
  char* to = static_cast<char*>(value.mv_data);
  if (!head.empty()) std::memcpy(to + crc_bytes, head.data(), head.size());
  if (!tail.empty()) std::memcpy(to + crc_bytes + head.size(), tail.data(), tail.size());
  uint32_t crc = crc_of(tree, key, {to + crc_bytes, head.size() + tail.size()});
  std::memcpy(to, &crc, crc_bytes);
  sum(tree) += digest_of(tree, key, from_val(value));
  dirty_pages_ += pages_of(value.mv_size, page_bytes_);
}

void State::append(StateTree tree, std::string_view key, std::string_view stored) {
  if (failed_) return;
  MDB_val name = to_val(key), value = to_val(stored);
  int code = mdb_put(lmdb_->txn, lmdb_->of(tree), &name, &value, MDB_APPEND);
  if (code != 0) return fail(code, "append");
  sum(tree) += digest_of(tree, key, stored);
  dirty_pages_ += pages_of(stored.size(), page_bytes_);
}

void State::erase(StateTree tree, std::string_view key) {
  if (failed_) return;
  MDB_val name = to_val(key), value;
  int code = lmdb_->find(tree, key, value);
  if (code == MDB_NOTFOUND) return;
  if (code == 0) {
    sum(tree) -= digest_of(tree, key, from_val(value));
    code = mdb_del(lmdb_->txn, lmdb_->of(tree), &name, nullptr);
  }
  if (code != 0) return fail(code, "erase");
  ++dirty_pages_;
}

void State::drop(StateTree tree) {
  if (failed_) return;
  int code = mdb_drop(lmdb_->txn, lmdb_->of(tree), 0);
  if (code != 0) return fail(code, "drop");
  sum(tree) = {};
  ++dirty_pages_;
}

void State::copy(StateTree tree, State& from) {
  StateCursor cursor(from, tree);
  for (bool there = cursor.seek({}); there; there = cursor.next()) {
    auto value = cursor.value();
    if (value) put(tree, cursor.key(), *value);
    if (dirty_pages_ > limits::dirty_pages_max / 2) commit();
  }
}

uint64_t State::entries(StateTree tree) {
  MDB_stat about{};
  if (!failed_) mdb_stat(lmdb_->txn, lmdb_->of(tree), &about);
  return about.ms_entries;
}

Digest State::digest() const {
  Digest all;
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) all += digest(tree);
  return all;
}

Result<Digest> State::count_digest(StateTree tree) {
  Digest all;
  StateCursor cursor(*this, tree);
  for (bool there = cursor.seek({}); there; there = cursor.next()) {
    auto value = cursor.value();
    if (!value) return Problem(Error::storage_damaged, "state", "A value fails its checksum");
    all += digest_of(tree, cursor.key(), {value->data() - crc_bytes, value->size() + crc_bytes});
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

StateCursor::StateCursor(State& state, StateTree tree)
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
  const std::string_view before = key_;
  key_ = from_val(name);
  bool astray = (operation == MDB_NEXT && key_ <= before) || (operation == MDB_PREV && key_ >= before);
  if (astray) return state_.fail(MDB_CORRUPTED, "cursor"), false;
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

struct StateView::Reading {
  ~Reading() {
    if (txn != nullptr) mdb_txn_abort(txn);
  }
  MDB_txn* txn = nullptr;
  MDB_dbi trees[tree_count] = {};
};

StateView::StateView(std::unique_ptr<Reading> reading) : reading_(std::move(reading)) {}
StateView::~StateView() = default;

Result<std::unique_ptr<StateView>> State::view() {
  auto reading = std::make_unique<StateView::Reading>();
  std::copy_n(lmdb_->trees, tree_count, reading->trees);
  int code = mdb_txn_begin(lmdb_->env, nullptr, MDB_RDONLY, &reading->txn);
  if (code != 0) return lmdb_problem(code, "view");
  return std::unique_ptr<StateView>(new StateView(std::move(reading)));
}

Result<> StateView::each(StateTree tree, const Visit& visit, std::string_view from) const {
  MDB_cursor* opened = nullptr;
  int code = mdb_cursor_open(reading_->txn, reading_->trees[static_cast<size_t>(tree)], &opened);
  std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> cursor(opened, mdb_cursor_close);
  MDB_val key, value;
  if (!from.empty()) key = to_val(from);
  if (code == 0) code = mdb_cursor_get(opened, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0) {
    if (!is_whole(tree, from_val(key), from_val(value))) return damaged_value(tree);
    TRY_DONE(visit(from_val(key), from_val(value)));
    const std::string_view before = from_val(key);
    code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
    if (code == 0 && from_val(key) <= before) code = MDB_CORRUPTED;
  }
  if (code != MDB_NOTFOUND) return lmdb_problem(code, "view");
  return Done{};
}

}  // namespace headrace
