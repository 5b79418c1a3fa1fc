// Fuzzes the request parser: the same bytes, whole and one by one and cut as the input says, must give the
// same requests and the same refusal.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/check.h"
#include "src/base/limits.h"
#include "src/net/request_parser.h"

using namespace headrace;

namespace {

// Small, so that the fuzzer reaches them.
constexpr ParserLimits small_limits{64, 256, 8};
constexpr size_t body_bytes_max = 128;

void tell(const RequestParser& parser, const char* window, std::string& story) {
  Request request;
  parser.view(window, request);
  CHECK(request.body.size() <= body_bytes_max);
  CHECK(request.headers.size() <= small_limits.header_count_max);
  CHECK(request.target.size() <= small_limits.target_bytes_max);
  story += std::string(name_of(request.method)) + ' ' + std::string(request.target) + '|' +
           std::string(request.path) + '|' + std::string(request.query) + '|' + std::string(request.body) +
           (request.keep_alive ? "|keep\n" : "|close\n");
  for (size_t i = 0; i < request.headers.size(); ++i) {
    story += std::string(request.headers[i].name) + ':' + std::string(request.headers[i].value) + '\n';
  }
}

// What is parsed out of `bytes` when they come in pieces of the sizes that `next_size` gives.
template <class NextSize>
std::string story_of(std::string_view bytes, NextSize next_size) {
  std::string story;
  RequestParser parser(small_limits);
  std::unique_ptr<char[]> window(
      new char[0]);  // exactly as large as its content, so that a read too far is seen
  size_t size = 0;
  while (!bytes.empty()) {
    size_t piece = std::min(bytes.size(), next_size());
    std::unique_ptr<char[]> grown(new char[size + piece]);
    std::memcpy(grown.get(), window.get(), size);
    std::memcpy(grown.get() + size, bytes.data(), piece);
    window = std::move(grown);
    size += piece;
    bytes.remove_prefix(piece);
    char* at = window.get();
    for (bool more = size > 0; more && size > 0;) {
      switch (parser.parse(at, size)) {
        case RequestParser::Step::need_more:
          CHECK(parser.seen() <= size);
          size = parser.seen();
          more = false;
          break;
        case RequestParser::Step::head:
          story += parser.head().expects_continue ? "expects\n" : "";
          parser.limit_body(body_bytes_max);
          break;
        case RequestParser::Step::refused:
          return story + "refused " + std::to_string(row_of(parser.error()).status) + "\n";
        case RequestParser::Step::message:
          tell(parser, at, story);
          if (!parser.head().keep_alive) return story;
          at += parser.seen();
          size -= parser.seen();
          parser.next();
          break;
      }
    }
    std::memmove(window.get(), at, size);
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string whole = story_of(bytes, [] { return size_t{1} << 30; });
  std::string single = story_of(bytes, [] { return size_t{1}; });
  uint32_t state = data[0];
  std::string cut = story_of(bytes, [&] {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator; any would do
    return size_t{1} + (state >> 24) % 40;
  });
  CHECK(whole == single);
  CHECK(whole == cut);
  return 0;
}
