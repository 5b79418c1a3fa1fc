// Both decoders run in steps of 64 KiB, so that a small bomb never makes a large allocation.
#include "codec/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t step_bytes = 64 * 1024;

Problem malformed_coding() {
  return {Error::malformed_request, "Content-Encoding", "the body is not what its coding says"};
}

Problem too_large(size_t bytes_max) {
  return {Error::body_too_large, "body", "decodes to more than " + std::to_string(bytes_max) + " bytes"};
}

// Makes room for one more step behind `used` bytes; false at the cap.
bool grow(std::string& out, size_t used, size_t bytes_max) {
  if (used > bytes_max) return false;
  out.resize(std::min(used + step_bytes, bytes_max + 1));
  return true;
}

constexpr int gzip_window_bits = 15 + 16, zlib_window_bits = 15;

Result<> inflate_all(std::string_view body, int window_bits, size_t bytes_max, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return Error::internal_error;
  std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  size_t used = 0;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (!grow(out, used, bytes_max)) return too_large(bytes_max);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    size_t room = out.size() - used;
    code = inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END) return malformed_coding();
    used += room - stream.avail_out;
    if (code == Z_OK && stream.avail_in == 0 && stream.avail_out != 0) return malformed_coding();  // cut short
  }
  if (stream.avail_in != 0) return malformed_coding();
  if (used > bytes_max) return too_large(bytes_max);
  out.resize(used);
  return Done{};
}

Result<> unzstd_all(std::string_view body, size_t bytes_max, std::string& out) {
  thread_local std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  CHECK(context != nullptr);
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  // RFC 8878 section 3.1.1.1.2 asks decoders for at least 8 MiB of window; no more is given.
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 23);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  size_t used = 0, left = 1;
  while (left != 0 || in.pos < in.size) {
    if (!grow(out, used, bytes_max)) return too_large(bytes_max);
    ZSTD_outBuffer step{out.data() + used, out.size() - used, 0};
    left = ZSTD_decompressStream(context.get(), &step, &in);
    if (ZSTD_isError(left)) return malformed_coding();
    used += step.pos;
    if (left != 0 && in.pos == in.size && step.pos < step.size) return malformed_coding();  // cut short
  }
  if (used > bytes_max) return too_large(bytes_max);
  out.resize(used);
  return Done{};
}

// One of a thread, kept: it has 256 KiB.
z_stream& gzip_stream() {
  struct Stream {
    z_stream z{};
    Stream() { CHECK(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK); }
    ~Stream() { deflateEnd(&z); }
  };
  thread_local Stream stream;
  return stream.z;
}

void gzip_all(std::string_view body, std::string& out) {
  z_stream& stream = gzip_stream();
  CHECK(deflateReset(&stream) == Z_OK);
  out.resize(deflateBound(&stream, static_cast<uLong>(body.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
}

void zstd_all(std::string_view body, std::string& out) {
  thread_local std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  CHECK(context != nullptr);
  out.resize(ZSTD_compressBound(body.size()));
  const size_t bytes = ZSTD_compressCCtx(context.get(), out.data(), out.size(), body.data(), body.size(), 1);
  CHECK(!ZSTD_isError(bytes));
  out.resize(bytes);
}

}  // namespace

std::string_view name_of(Coding coding) {
  constexpr std::string_view names[] = {"identity", "gzip", "zstd"};
  return names[static_cast<size_t>(coding)];
}

void encode_content(Coding coding, std::string_view body, std::string& out) {
  switch (coding) {
    case Coding::identity: out = body; return;
    case Coding::gzip: return gzip_all(body, out);
    case Coding::zstd: return zstd_all(body, out);
  }
}

Result<> decode_content(std::string_view coding, std::string_view body, size_t bytes_max, std::string& out) {
  auto is = [&](std::string_view name) {
    return coding.size() == name.size() &&
           std::equal(coding.begin(), coding.end(), name.begin(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  };
  if (is("gzip") || is("x-gzip")) return inflate_all(body, gzip_window_bits, bytes_max, out);
  if (is("deflate")) return inflate_all(body, zlib_window_bits, bytes_max, out);
  if (is("zstd")) return unzstd_all(body, bytes_max, out);
  if (is("identity")) {
    out.assign(body);
    return Done{};
  }
  return Problem{Error::unsupported_media_type, "Content-Encoding",
                 "must be gzip, deflate, zstd or identity"};
}

}  // namespace headrace
