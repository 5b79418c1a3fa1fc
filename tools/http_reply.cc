// Where one HTTP/1.1 reply ends (RFC 9112, sections 4 to 7).
#include "tools/http_reply.h"

#include <strings.h>

#include <charconv>

namespace headrace {
namespace {

struct Head {
  int status = 0;
  std::optional<size_t> length;
  bool chunked = false;
  bool closes = false;
};

struct Chunk {
  std::string_view data;
  size_t bytes = 0;  // with its size line and its line end
};

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<size_t> number_in(std::string_view text, int base) {
  size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void read_field(std::string_view line, Head& head) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (same_word(name, "content-length")) head.length = number_in(value, 10);
  if (same_word(name, "transfer-encoding")) head.chunked = same_word(value, "chunked");
  if (same_word(name, "connection")) head.closes = same_word(value, "close");
}

std::optional<int> status_of(std::string_view line) {
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1.") return std::nullopt;
  const auto status = number_in(line.substr(9, 3), 10);
  return status ? std::optional<int>(static_cast<int>(*status)) : std::nullopt;
}

std::optional<Head> read_head(std::string_view text) {
  Head head;
  size_t at = text.find("\r\n");
  const auto status = status_of(text.substr(0, at));
  if (!status) return std::nullopt;
  head.status = *status;
  while (at != std::string_view::npos && at + 2 < text.size()) {
    const size_t end = text.find("\r\n", at + 2);
    read_field(text.substr(at + 2, end == std::string_view::npos ? end : end - at - 2), head);
    at = end;
  }
  return head;
}

// The chunk at the start of `bytes`; empty where it is not all there. A size that is no number ends the
// reading.
Result<std::optional<Chunk>> first_chunk(std::string_view bytes) {
  const size_t line = bytes.find("\r\n");
  if (line == std::string_view::npos) return std::optional<Chunk>();
  const auto size = number_in(trimmed(bytes.substr(0, line).substr(0, bytes.find(';'))), 16);
  if (!size) return Problem(Error::malformed_request, "a chunk of the reply has no size");
  const size_t total = line + 2 + *size + 2;
  if (total < *size || total > bytes.size()) return std::optional<Chunk>();
  return std::optional(Chunk{bytes.substr(line + 2, *size), total});
}

// Bytes of a chunked body at the start of `bytes`, its last chunk included; empty where more are needed.
Result<std::optional<size_t>> chunked_bytes(std::string_view bytes) {
  for (size_t at = 0;;) {
    const auto chunk = first_chunk(bytes.substr(at));
    if (!chunk) return chunk.problem();
    if (!*chunk) return std::optional<size_t>();
    at += (*chunk)->bytes;
    if ((*chunk)->data.empty()) return std::optional(at);
  }
}

bool never_has_body(int status) { return status == 204 || status == 304; }

Result<std::optional<size_t>> body_bytes(const Head& head, std::string_view rest) {
  if (never_has_body(head.status)) return std::optional<size_t>(0);
  if (head.chunked) return chunked_bytes(rest);
  if (!head.length) return Problem(Error::malformed_request, "the reply does not say where it ends");
  return rest.size() < *head.length ? std::optional<size_t>() : head.length;
}

}  // namespace

Result<std::optional<ReplyView>> first_reply(std::string_view bytes) {
  for (size_t start = 0;;) {
    const size_t end = bytes.find("\r\n\r\n", start);
    if (end == std::string_view::npos) return std::optional<ReplyView>();
    const auto head = read_head(bytes.substr(start, end - start));
    if (!head) return Problem(Error::malformed_request, "what came back is not HTTP/1.1");
    if (head->status < 200) {
      start = end + 4;
      continue;
    }
    const std::string_view rest = bytes.substr(end + 4);
    const auto size = body_bytes(*head, rest);
    if (!size) return size.problem();
    if (!*size) return std::optional<ReplyView>();
    return std::optional(
        ReplyView{head->status, rest.substr(0, **size), end + 4 + **size, head->chunked, head->closes});
  }
}

std::string whole_body(const ReplyView& reply) {
  if (!reply.chunked) return std::string(reply.body);
  std::string body;
  for (std::string_view rest = reply.body;;) {
    const auto chunk = first_chunk(rest);
    CHECK(chunk.ok() && *chunk);
    if ((*chunk)->data.empty()) return body;
    body += (*chunk)->data;
    rest.remove_prefix((*chunk)->bytes);
  }
}

}  // namespace headrace
