// The one place that knows zstd.
#include "codec/compress.h"

#include <zstd.h>

#include <algorithm>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr int window_log_max = 23;  // a frame that wants more than 8 MiB of window is refused
constexpr size_t chunk_bytes = 128 * 1024;

Problem malformed() { return Problem(Error::malformed_request, "The zstd data is malformed"); }

}  // namespace

struct Compressor::Context {
  explicit Context(int level) : zstd(ZSTD_createCCtx()) {
    CHECK(zstd != nullptr);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level)));
  }
  ~Context() { ZSTD_freeCCtx(zstd); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ZSTD_CCtx* zstd;
  std::unique_ptr<char[]> room;  // for a frame: growing a string that far would fill it with zeros each time
  size_t room_bytes = 0;
};

Compressor::Compressor(int level) : context_(std::make_unique<Context>(level)) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;

void Compressor::compress(std::string_view bytes, std::string& out, size_t at) {
  CHECK(at <= out.size());
  Context& own = *context_;
  if (size_t bound = ZSTD_compressBound(bytes.size()); own.room_bytes < bound) {
    own.room = std::make_unique_for_overwrite<char[]>(bound);
    own.room_bytes = bound;
  }
  size_t size = ZSTD_compress2(own.zstd, own.room.get(), own.room_bytes, bytes.data(), bytes.size());
  CHECK(!ZSTD_isError(size));
  out.resize(at);
  out.append(own.room.get(), size);
}

struct Decompressor::Context {
  Context() : zstd(ZSTD_createDCtx()) {
    CHECK(zstd != nullptr);
    CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, window_log_max)));
  }
  ~Context() { ZSTD_freeDCtx(zstd); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ZSTD_DCtx* zstd;
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<> Decompressor::decompress(std::string_view bytes, size_t size_max, std::string& out) {
  out.clear();
  ZSTD_DCtx_reset(context_->zstd, ZSTD_reset_session_only);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t left = 1;  // of the current frame; 0 between frames
  while (in.pos < in.size || left != 0) {
    size_t had = out.size();
    if (had > size_max) return Problem(Error::body_too_large, "The decompressed data is too large");
    out.resize(std::min(had + chunk_bytes, size_max + 1));
    ZSTD_outBuffer to{out.data() + had, out.size() - had, 0};
    size_t taken = in.pos;
    left = ZSTD_decompressStream(context_->zstd, &to, &in);
    if (ZSTD_isError(left)) return malformed();
    out.resize(had + to.pos);
    if (left != 0 && in.pos == in.size && in.pos == taken && to.pos == 0) return malformed();  // ends early
  }
  if (out.size() > size_max) return Problem(Error::body_too_large, "The decompressed data is too large");
  return Done{};
}

Result<> Decompressor::decompress_exactly(std::string_view bytes, size_t size, std::string& out) {
  out.resize(size);
  ZSTD_DCtx_reset(context_->zstd, ZSTD_reset_session_only);
  size_t got = ZSTD_decompressDCtx(context_->zstd, out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) || got != size) return malformed();
  return Done{};
}

}  // namespace headrace
