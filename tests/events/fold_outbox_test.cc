// Folds leave in order, one batch at a time, and the source stays in reach of its replay until they are
// durable.
#include "src/events/fold_outbox.h"

#include <gtest/gtest.h>

#include "codec/varint.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

// Stands for a fold: its text behind its length; "!" says that a reader can begin here.
void add(FoldOutbox& outbox, uint32_t target, Lsn lsn, std::string_view text) {
  FoldOutbox::Room room = outbox.room(target);
  if (room.begins) put_text("!", room.folds);
  put_text(text, room.folds);
  outbox.added(target, lsn, 3 * lsn);
}

using Texts = std::vector<std::string>;

Texts texts_of(const FoldBatch& batch) {
  Texts out;
  Taker taker(batch.folds);
  while (!taker.rest().empty()) out.emplace_back(taker.text());
  EXPECT_FALSE(taker.failed());
  return out;
}

TEST(FoldOutbox, OnlyWhatIsDurableLeaves) {
  FoldOutbox outbox(0, 2);
  add(outbox, 1, 5, "a");
  EXPECT_EQ(outbox.take(1, 4), nullptr);
  add(outbox, 1, 6, "b");
  EXPECT_EQ(outbox.take(0, 9), nullptr);
  auto batch = outbox.take(1, 5);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(texts_of(*batch), (Texts{"!", "a"}));
  EXPECT_EQ(batch->first, 15u);
  EXPECT_EQ(batch->last, 15u);
  EXPECT_EQ(batch->count, 1u);
}

TEST(FoldOutbox, ARunLeavesOnlyWhole) {
  FoldOutbox outbox(0, 2);
  add(outbox, 1, 5, "a");
  add(outbox, 1, 6, "b");
  EXPECT_EQ(outbox.take(1, 5), nullptr);
  add(outbox, 1, 7, "c");
  auto batch = outbox.take(1, 6);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(texts_of(*batch), (Texts{"!", "a", "b"}));
  EXPECT_EQ(batch->first, 15u);
  EXPECT_EQ(batch->last, 18u);
  EXPECT_EQ(batch->count, 2u);
}

TEST(FoldOutbox, OneBatchAtATimeInOrder) {
  FoldOutbox outbox(0, 2);
  add(outbox, 1, 1, "a");
  ASSERT_NE(outbox.take(1, 1), nullptr);
  add(outbox, 1, 2, "b");
  add(outbox, 1, 3, "c");
  EXPECT_EQ(outbox.take(1, 9), nullptr);  // the first is still on its way
  add(outbox, 1, 4, "d");
  outbox.applied(1);
  auto batch = outbox.take(1, 9);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(texts_of(*batch), (Texts{"!", "b", "c", "!", "d"}));
  EXPECT_EQ(batch->last, 12u);
  EXPECT_EQ(batch->count, 3u);
}

TEST(FoldOutbox, AcksWaitForAppliedReplayForDurable) {
  FoldOutbox outbox(0, 3);
  EXPECT_TRUE(outbox.empty());
  add(outbox, 1, 4, "a");
  add(outbox, 2, 7, "b");
  EXPECT_EQ(outbox.oldest_unapplied(), 4u);
  ASSERT_NE(outbox.take(1, 9), nullptr);
  EXPECT_EQ(outbox.oldest_unapplied(), 4u);
  outbox.applied(1);
  EXPECT_EQ(outbox.oldest_unapplied(), 7u);
  EXPECT_EQ(outbox.oldest(), 4u);
  outbox.durable(1);
  EXPECT_EQ(outbox.oldest(), 7u);
  ASSERT_NE(outbox.take(2, 9), nullptr);
  outbox.applied(2);
  EXPECT_EQ(outbox.oldest_unapplied(), std::nullopt);
  EXPECT_FALSE(outbox.empty());
  outbox.durable(2);
  EXPECT_TRUE(outbox.empty());
}

TEST(FoldOutbox, BigHeapsLeaveInBoundedBatchesAndNothingIsLost) {
  FoldOutbox outbox(0, 2);
  std::string payload(1000, 'x');
  constexpr uint64_t count = 3000;
  for (uint64_t lsn = 1; lsn <= count; ++lsn) add(outbox, 1, lsn, payload + std::to_string(lsn));
  uint64_t next = 1;
  while (auto batch = outbox.take(1, count)) {
    EXPECT_LE(batch->folds.size(), limits::fold_batch_bytes_max);
    EXPECT_EQ(texts_of(*batch).front(), "!");
    for (auto& text : texts_of(*batch)) {
      if (text != "!") {
        EXPECT_EQ(text, payload + std::to_string(next++));
      }
    }
    outbox.applied(1);
    outbox.durable(1);
  }
  EXPECT_EQ(next, count + 1);
  EXPECT_TRUE(outbox.empty());
}

TEST(FoldOutbox, IsFullAboveItsLimit) {
  FoldOutbox outbox(0, 2);
  std::string payload(1024 * 1024, 'x');
  uint64_t lsn = 0;
  while (!outbox.full()) {
    ++lsn;
    add(outbox, 1, lsn, payload);
    ASSERT_LT(lsn, 100u);
  }
  EXPECT_GE(lsn * payload.size(), limits::fold_outbox_bytes_max);
}

}  // namespace
}  // namespace headrace
