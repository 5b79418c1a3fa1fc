// Making, listing, taking and deleting bases.
#include "storage/base.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "src/base/limits.h"
#include "storage/checked_lines.h"
#include "storage/checkpointer.h"
#include "storage/kill_point.h"
#include "storage/log_walker.h"

namespace headrace {
namespace {

constexpr std::string_view folder_prefix = "base-";
constexpr std::string_view base_name = "BASE", data_name = "data.mdb";

std::optional<Lsn> lsn_of_folder(std::string_view name) {
  if (!name.starts_with(folder_prefix)) return std::nullopt;
  name.remove_prefix(folder_prefix.size());
  Lsn lsn = 0;
  auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), lsn);
  if (code != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return lsn;
}

Result<bool> is_base(Disk& disk, const PartitionPlace& place, Lsn lsn) {
  return disk.exists(place.base(lsn) + "/" + std::string(base_name));
}

// Copies the entries of one view after the other into a new folder, then says so in BASE.
class BaseWriter {
 public:
  explicit BaseWriter(const BaseOptions& options) : options_(options), disk_(*options.disk) {}

  // Whether the view may be looked at any longer, for entries of that tree.
  using Look = std::function<bool(StateTree)>;
  // As much as `look` allows, but some; true when everything is there.
  Result<bool> copy(const StateView& view, const Checkpoint& checkpoint, const Look& look);
  Result<Checkpoint> finish();

 private:
  Result<> begin(const Checkpoint& checkpoint);
  Result<> check_space(uint32_t generation) const;
  Result<bool> copy_tree(StateTree tree, const StateView& view, const Look& look);
  Result<> copy_entry(StateTree tree, std::string_view key, std::string_view stored);
  Result<> commit();
  Result<> sign_off();
  Result<> move_to(Lsn lsn);
  std::string data() const { return directory_ + "/" + std::string(data_name); }

  const BaseOptions& options_;
  Disk& disk_;
  std::string directory_;
  Checkpoint base_;    // as it will be
  uint64_t txn_id_ = 0;  // of the last commit
  size_t pieces_ = 0, tries_ = 0;  // tries: of what is copied in one piece
  bool rows_done_ = false;
  std::string next_row_;  // where the next piece goes on
  std::optional<Problem> failure_;
  std::unique_ptr<State> state_;
  std::unique_ptr<File> file_;
  size_t uncommitted_bytes_ = 0, unchecked_entries_ = 0;
};

Result<> BaseWriter::begin(const Checkpoint& checkpoint) {
  directory_ = options_.place.base(checkpoint.applied_lsn);
  base_ = checkpoint;
  TRY_DONE(clear_unfinished_bases(disk_, options_.place));
  TRY_DONE(check_space(checkpoint.generation));
  TRY_DONE(disk_.create_directory(directory_));
  auto state = State::open(directory_, options_.state_map_bytes, [this](const Problem& p) { failure_ = p; });
  if (!state) return state.problem();
  state_ = std::move(*state);
  auto file = disk_.open(data(), OpenMode::write);
  if (!file) return file.problem();
  file_ = std::move(*file);
  return Done{};
}

// A base is no larger than the state.
Result<> BaseWriter::check_space(uint32_t generation) const {
  if (options_.free_bytes_min == 0) return Done{};
  auto space = disk_.space(options_.place.path);
  if (!space) return space.problem();
  auto state = disk_.open(options_.place.state(generation) + "/" + std::string(data_name), OpenMode::read);
  if (!state) return state.problem();
  auto bytes = (*state)->size();
  if (!bytes) return bytes.problem();
  return space->free_bytes >= space->reserve_bytes(options_.free_bytes_min) + *bytes ? Result<>(Done{}) : Error::storage_full;
}

Result<bool> BaseWriter::copy(const StateView& view, const Checkpoint& checkpoint, const Look& look) {
  if (pieces_++ == 0) TRY_DONE(begin(checkpoint));
  if (checkpoint.generation != base_.generation)
    return Problem(Error::overloaded, directory_, "The partition went on with another state");
  Checkpoint first = std::exchange(base_, checkpoint);  // whose replay does for all
  if (first.replay_from <= base_.replay_from) base_.replay_from = first.replay_from, base_.position = first.position;
  if (!rows_done_) {
    auto done = copy_tree(StateTree::rows, view, look);
    if (!done || !*done) return done;
    rows_done_ = true;
  }
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::meta}) {
    auto done = copy_tree(tree, view, look);
    if (done && *done) continue;
    for (StateTree begun : {StateTree::documents, StateTree::indexes, StateTree::meta}) state_->drop(begun);  // all as of one checkpoint
    if (done && ++tries_ == limits::base_waits_max) return Problem(Error::overloaded, directory_, "The state was wanted back");
    return done;
  }
  TRY_DONE(commit());
  return true;
}

// False where the view is to be given back before the end.
Result<bool> BaseWriter::copy_tree(StateTree tree, const StateView& view, const Look& look) {
  bool stopped = false;
  auto done = view.each(
      tree,
      [&](std::string_view key, std::string_view stored) -> Result<> {
        stopped = ++unchecked_entries_ % limits::base_entries_between_looks == 0 && !look(tree);
        if (stopped && tree == StateTree::rows) next_row_ = key;
        return stopped ? Result<>(Error::overloaded) : copy_entry(tree, key, stored);
      },
      tree == StateTree::rows ? std::string_view(next_row_) : std::string_view());
  if (stopped) return false;
  if (!done) return done.problem();
  return true;
}

Result<> BaseWriter::copy_entry(StateTree tree, std::string_view key, std::string_view stored) {
  state_->append(tree, key, stored);
  if (failure_) return *failure_;
  uncommitted_bytes_ += key.size() + stored.size();
  return uncommitted_bytes_ < limits::rewrite_sync_bytes ? Done{} : commit();
}

Result<> BaseWriter::commit() {
  uncommitted_bytes_ = 0;
  if (state_->changed()) txn_id_ = state_->commit();  // LMDB commits nothing that did not change
  if (failure_) return *failure_;
  kill_point("in_base");
  return file_->sync_data();
}

// What is in it is what its checkpoints say, as far as one piece shows; and it says so of itself.
Result<> BaseWriter::sign_off() {
  auto record = read_record(*state_);
  if (!record) return Problem(Error::storage_damaged, options_.place.state(), "The state does not say what it is");
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    Digest& promised = record->digests[static_cast<size_t>(tree)];
    if (state_->digest(tree) != promised && (tree != StateTree::rows || pieces_ == 1))
      return Problem(Error::storage_damaged, options_.place.state(), "The state is not what its checkpoint says");
    promised = state_->digest(tree);
  }
  record->replay_from = base_.replay_from;
  if (pieces_ > 1) write_record(*state_, *record);
  base_.digest = state_->digest();
  return commit();
}

// Under the name of its newest piece.
Result<> BaseWriter::move_to(Lsn lsn) {
  const std::string from = data();
  directory_ = options_.place.base(lsn);
  if (from == data()) return Done{};
  TRY_DONE(disk_.create_directory(directory_));
  return disk_.rename(from, data());
}

Result<Checkpoint> BaseWriter::finish() {
  TRY_DONE(sign_off());
  base_.txn_id = txn_id_;
  base_.page_bytes = state_->page_bytes();
  state_.reset();
  TRY_DONE(capture_meta(*file_, base_, directory_));
  TRY_DONE(file_->sync());
  TRY_DONE(move_to(base_.applied_lsn));
  auto seal = seal_file(disk_, data());
  if (!seal) return seal.problem();
  base_.data = *seal;
  base_.generation = 0;  // of no state of the partition: it is put in the place of the first
  kill_point("in_base");
  TRY_DONE(disk_.sync_directory(directory_));
  TRY_DONE(disk_.sync_directory(options_.place.path));
  TRY_DONE(replace_file(disk_, directory_ + "/" + std::string(base_name), encode(base_, options_.place)));
  TRY_DONE(disk_.sync_directory(directory_));
  kill_point("in_base");
  return base_;
}

// The base of this checkpoint, where there is one. One of the same LSN goes that was made by other definitions (a back-fill
// made the rows anew, and no record came since), or when fewer rows were behind, or something was held back: a start from
// it would begin earlier in the log than who makes a base may rely on. It goes only where an older one leads to the end of
// the log meanwhile.
Result<std::optional<Checkpoint>> find_same(const BaseOptions& options, const Checkpoint& checkpoint) {
  auto there = is_base(*options.disk, options.place, checkpoint.applied_lsn);
  if (!there) return there.problem();
  if (!*there) return std::optional<Checkpoint>();
  auto base = read_base(*options.disk, options.place, checkpoint.applied_lsn);
  if (!base) return base.problem();
  if (base->fold == checkpoint.fold && base->replay_from >= checkpoint.replay_from) return std::optional(*base);
  auto bases = list_bases(*options.disk, options.place);
  if (!bases) return bases.problem();
  if (bases->size() < 2)
    return Problem(Error::overloaded, options.place.base(checkpoint.applied_lsn),
                   "The only base is of this record and not this state: there can be another with the next record");
  TRY_DONE(delete_base(*options.disk, options.place, checkpoint.applied_lsn));
  return std::optional<Checkpoint>();
}

Result<> empty_folder(Disk& disk, const std::string& path) {
  auto names = disk.list(path);
  if (!names) return names.problem();
  for (const std::string& name : *names) TRY_DONE(disk.remove(path + "/" + name));
  return disk.remove(path);
}

// Of the next piece. The owner may be busy with a checkpoint for long.
Result<StateLoan::Lent> borrow_again(const BaseOptions& options, StateLoan& loan) {
  for (size_t tries = 1;; ++tries) {
    if (options.may_go_on && !options.may_go_on()) return Problem(Error::overloaded, "base", "It was given up");
    auto lent = loan.borrow();
    if (lent || tries == limits::base_waits_max || loan.writing_wanted()) return lent;
  }
}

Result<> copy_pieces(const BaseOptions& options, StateLoan& loan, BaseWriter& writer, StateLoan::Lent lent) {
  while (true) {
    const Micros until = options.clock->monotonic() + options.piece_us;
    auto all = writer.copy(*lent.view, lent.checkpoint,
                           [&](StateTree tree) {
                             bool in_time = tree != StateTree::rows || options.clock->monotonic() < until;
                             return in_time && !loan.wanted_back();
                           });
    loan.give_back(std::move(lent));
    if (!all) return all.problem();
    if (*all) return Done{};
    kill_point("in_base");
    auto next = borrow_again(options, loan);
    if (!next) return next.problem();
    lent = std::move(*next);
  }
}

Result<Checkpoint> finish_base(const BaseOptions& options, BaseWriter& writer, const Result<>& copied) {
  Result<Checkpoint> base = copied ? writer.finish() : Result<Checkpoint>(copied.problem());
  if (!base) {
    (void)clear_unfinished_bases(*options.disk, options.place);
    return base;
  }
  auto bases = list_bases(*options.disk, options.place);
  if (!bases) return bases.problem();
  for (size_t i = limits::bases_kept; i < bases->size(); ++i)
    TRY_DONE(delete_base(*options.disk, options.place, (*bases)[i]));
  (void)clear_unfinished_bases(*options.disk, options.place);  // the folder that the first piece was named by
  return base;
}

}  // namespace

Result<Checkpoint> write_base(const BaseOptions& options, const StateView& view, const Checkpoint& checkpoint) {
  auto there = find_same(options, checkpoint);
  if (!there) return there.problem();
  if (*there) return **there;
  BaseWriter writer(options);
  auto copied = writer.copy(view, checkpoint, [](StateTree) { return true; });
  return finish_base(options, writer, copied ? Result<>(Done{}) : copied.problem());
}

Result<Checkpoint> make_base(const BaseOptions& options, StateLoan& loan) {
  auto lent = loan.borrow();
  if (!lent) return lent.problem();
  StateLoan::Writing writing(loan);
  auto there = find_same(options, lent->checkpoint);
  if (!there || *there) {
    loan.give_back(std::move(*lent));
    return there ? Result<Checkpoint>(**there) : there.problem();
  }
  BaseWriter writer(options);
  return finish_base(options, writer, copy_pieces(options, loan, writer, std::move(*lent)));
}

Result<std::vector<Lsn>> list_bases(Disk& disk, const PartitionPlace& place) {
  auto names = disk.list(place.path);
  if (!names) return names.problem();
  std::vector<Lsn> found;
  for (const std::string& name : *names) {
    auto lsn = lsn_of_folder(name);
    if (!lsn) continue;
    auto there = is_base(disk, place, *lsn);
    if (!there) return there.problem();
    if (*there) found.push_back(*lsn);
  }
  std::ranges::sort(found, std::greater{});
  return found;
}

Result<Checkpoint> read_base(Disk& disk, const PartitionPlace& place, Lsn lsn) {
  const std::string path = place.base(lsn) + "/" + std::string(base_name);
  auto bytes = read_file(disk, path, checkpoint_bytes);
  if (!bytes) return bytes.problem();
  auto checkpoint = decode_checkpoint(*bytes, place);
  if (checkpoint && checkpoint->applied_lsn == lsn) return *checkpoint;
  return Problem(Error::storage_damaged, path, "It is no base of this partition, or damaged");
}

Result<Checkpoint> verify_base(Disk& disk, const PartitionPlace& place, Lsn lsn) {
  auto base = read_base(disk, place, lsn);
  if (!base) return base;
  const std::string data = place.base(lsn) + "/" + std::string(data_name);
  auto seal = seal_file(disk, data);
  if (!seal) return seal.problem();
  if (*seal == base->data) return base;
  return Problem(Error::storage_damaged, data, "The base is not what its BASE says");
}

Result<> delete_base(Disk& disk, const PartitionPlace& place, Lsn lsn) {
  TRY_DONE(disk.remove(place.base(lsn) + "/" + std::string(base_name)));
  TRY_DONE(disk.sync_directory(place.base(lsn)));
  TRY_DONE(empty_folder(disk, place.base(lsn)));
  return disk.sync_directory(place.path);
}

Result<> clear_unfinished_bases(Disk& disk, const PartitionPlace& place) {
  auto names = disk.list(place.path);
  if (!names) return names.problem();
  for (const std::string& name : *names) {
    auto lsn = lsn_of_folder(name);
    if (!lsn) continue;
    auto there = is_base(disk, place, *lsn);
    if (!there) return there.problem();
    if (!*there) TRY_DONE(empty_folder(disk, place.base(*lsn)));
  }
  return Done{};
}

Result<Checkpoint> take_base(Disk& disk, const PartitionPlace& place, Lsn lsn, const std::string& directory) {
  auto base = read_base(disk, place, lsn);
  if (!base) return base;
  auto walker = LogWalker::at_segment_of(disk, place, base->replay_from);
  if (!walker) return walker.problem();
  base->position = walker->end();
  if (base->position.lsn > base->replay_from) {
    return Problem(Error::storage_damaged, place.base(lsn),
                   "The base goes on from LSN " + std::to_string(base->replay_from) +
                       " and the log begins only at LSN " + std::to_string(base->position.lsn));
  }
  const std::string name = "/" + std::string(data_name);
  auto seal = copy_file(disk, place.base(lsn) + name, directory + name);
  if (!seal) return seal.problem();
  if (*seal != base->data)
    return Problem(Error::storage_damaged, place.base(lsn) + name, "The base is not what its BASE says");
  return base;
}

}  // namespace headrace
