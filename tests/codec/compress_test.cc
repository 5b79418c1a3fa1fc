// zstd: round trips, bounds, and every broken input refused.
#include "codec/compress.h"

#include <gtest/gtest.h>

#include <random>

namespace headrace {
namespace {

std::string sample(std::mt19937_64& random, size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    bytes.append(random() % 40, static_cast<char>('a' + random() % 26));
    bytes.push_back(static_cast<char>(random()));
  }
  bytes.resize(size);
  return bytes;
}

TEST(Compress, RoundTrips) {
  std::mt19937_64 random(1);
  Compressor compressor(1);
  Decompressor decompressor;
  std::string frame, out;
  for (size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{5000}, size_t{131072}, size_t{1'000'000}}) {
    std::string bytes = sample(random, size);
    compressor.compress(bytes, frame);
    ASSERT_TRUE(decompressor.decompress(frame, size, out).ok());
    EXPECT_EQ(out, bytes);
    ASSERT_TRUE(decompressor.decompress_exactly(frame, size, out).ok());
    EXPECT_EQ(out, bytes);
    frame = "head";
    compressor.compress(bytes, frame, 4);
    EXPECT_EQ(frame.substr(0, 4), "head");
    ASSERT_TRUE(decompressor.decompress_exactly(frame.substr(4), size, out).ok());
    EXPECT_EQ(out, bytes);
  }
}

TEST(Compress, SeveralFramesAreOneText) {
  Compressor compressor(3);
  std::string one, two, out;
  compressor.compress("hello ", one);
  compressor.compress("world", two);
  Decompressor decompressor;
  ASSERT_TRUE(decompressor.decompress(one + two, 100, out).ok());
  EXPECT_EQ(out, "hello world");
}

TEST(Compress, ABombStopsAtTheBound) {
  Compressor compressor(1);
  Decompressor decompressor;
  std::string frame, out;
  compressor.compress(std::string(20'000'000, 'x'), frame);
  auto done = decompressor.decompress(frame, 1'000'000, out);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.problem().error, Error::body_too_large);
  EXPECT_LE(out.capacity(), 4'000'000u);
  EXPECT_TRUE(decompressor.decompress(frame, 20'000'000, out).ok());
  EXPECT_FALSE(decompressor.decompress_exactly(frame, 19'999'999, out).ok());
}

TEST(Compress, BrokenInputIsRefused) {
  std::mt19937_64 random(7);
  Compressor compressor(1);
  Decompressor decompressor;
  std::string bytes = sample(random, 3000), frame, out;
  compressor.compress(bytes, frame);
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(decompressor.decompress(frame.substr(0, size), 3000, out).ok()) << size;
  }
  EXPECT_FALSE(decompressor.decompress(frame + "x", 3000, out).ok());
  for (int i = 0; i < 3000; ++i) {  // no crash, never more than the bound
    std::string bad = frame;
    bad[random() % bad.size()] = static_cast<char>(random());
    if (decompressor.decompress(bad, 3000, out).ok()) {
      EXPECT_LE(out.size(), 3000u);
    }
  }
  EXPECT_TRUE(decompressor.decompress(frame, 3000, out).ok()) << "usable after errors";
}

}  // namespace
}  // namespace headrace
