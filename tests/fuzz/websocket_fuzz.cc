// Fuzzes the WebSocket reader: the same bytes, whole and one by one and cut as the input says, must give the same
// messages and the same refusal; a text is judged as a whole text is.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "codec/websocket.h"
#include "src/base/check.h"

using namespace headrace;
using websocket::Reader;

namespace {

constexpr websocket::ReaderLimits small_limits{600, 6};  // so that the fuzzer reaches them

void tell(const Reader& reader, std::string& story) {
  CHECK(reader.payload().size() <= small_limits.message_bytes_max);
  if (reader.opcode() == websocket::Opcode::text) CHECK(is_utf8(reader.payload()));
  story += std::to_string(static_cast<int>(reader.opcode())) + ' ' + std::string(reader.payload()) + '\n';
  if (reader.opcode() == websocket::Opcode::close) story += std::to_string(reader.close_code()) + '\n';
}

template <class NextSize>
std::string story_of(std::string_view bytes, Reader::Peer peer, NextSize next_size) {
  Reader reader(peer, small_limits);
  std::string story;
  while (!bytes.empty()) {
    size_t size = std::min(bytes.size(), next_size());
    std::unique_ptr<char[]> piece(new char[size]);  // exactly as large, so that a read too far is seen
    std::memcpy(piece.get(), bytes.data(), size);
    bytes.remove_prefix(size);
    std::span<char> input(piece.get(), size);
    while (!input.empty()) {
      Reader::Step step = reader.next(input);
      if (step == Reader::Step::need_more) break;
      if (step == Reader::Step::failed) return story + "failed " + std::to_string(reader.failure().code);
      tell(reader, story);
    }
    CHECK(input.empty());
  }
  return story + (reader.in_message() ? "unfinished" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Reader::Peer peer = data[0] & 1 ? Reader::Peer::client : Reader::Peer::server;
  std::string whole = story_of(bytes, peer, [] { return size_t{1} << 30; });
  std::string single = story_of(bytes, peer, [] { return size_t{1}; });
  uint32_t state = data[0];
  std::string cut = story_of(bytes, peer, [&] {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator; any would do
    return size_t{1} + (state >> 24) % 40;
  });
  CHECK(whole == single);
  CHECK(whole == cut);
  return 0;
}
