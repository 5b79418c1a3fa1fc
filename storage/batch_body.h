// The body of a batch as it stands in a segment: one zstd frame, or raw where that is no larger.
#pragma once

#include <string>
#include <string_view>

#include "codec/compress.h"
#include "storage/segment_format.h"

namespace headrace {

inline constexpr size_t compress_bytes_min = 512;  // below it a frame saves less than it costs

struct BatchBody {
  Codec codec = Codec::raw;
  size_t bytes = 0;
};

// Replaces `out` with room for a header, the body, and padding.
inline BatchBody encode_body(Compressor& compressor, std::string_view raw, std::string& out) {
  BatchBody body;
  out.resize(batch_header_bytes);
  if (raw.size() >= compress_bytes_min) {
    compressor.compress(raw, out, batch_header_bytes);
    body.codec = Codec::zstd;
  }
  if (body.codec == Codec::raw || out.size() - batch_header_bytes >= raw.size()) {
    body.codec = Codec::raw;
    out.resize(batch_header_bytes);
    out.append(raw);
  }
  body.bytes = out.size() - batch_header_bytes;
  out.resize((out.size() + batch_alignment - 1) / batch_alignment * batch_alignment);
  return body;
}

}  // namespace headrace
