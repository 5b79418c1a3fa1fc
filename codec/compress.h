// zstd (RFC 8878): one frame at a time, with contexts that are kept, and a bound on what comes out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace headrace {

// Lives on one thread.
class Compressor {
 public:
  explicit Compressor(int level);
  ~Compressor();
  Compressor(Compressor&&) noexcept;

  // Replaces what stands in `out` from `at` on with one frame that holds `bytes`.
  void compress(std::string_view bytes, std::string& out, size_t at = 0);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Lives on one thread.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // Replaces `out` with what the frames in `bytes` hold. Error::body_too_large above `size_max` bytes,
  // Error::malformed_request where it is not zstd or ends early.
  Result<> decompress(std::string_view bytes, size_t size_max, std::string& out);

  // The same where the size is known beforehand: anything else is malformed.
  Result<> decompress_exactly(std::string_view bytes, size_t size, std::string& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace headrace
