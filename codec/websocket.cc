// A frame's head is gathered byte by byte; payloads are unmasked where they lie. A message that came in one piece is
// never copied.
#include "codec/websocket.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "src/base/limits.h"

namespace headrace::websocket {
namespace {

constexpr unsigned fin_bit = 0x80, reserved_bits = 0x70, opcode_bits = 0x0f, mask_bit = 0x80, length_bits = 0x7f;
constexpr unsigned length_in_u16 = 126, length_in_u64 = 127;

uint64_t big_endian(const unsigned char* at, size_t bytes) {
  uint64_t out = 0;
  for (size_t i = 0; i < bytes; ++i) out = out << 8 | at[i];
  return out;
}

void append_head(Opcode opcode, size_t length, unsigned mask, std::string& out) {
  auto put = [&](uint64_t value, size_t bytes) {
    while (bytes-- > 0) out.push_back(static_cast<char>(value >> 8 * bytes & 0xff));
  };
  put(fin_bit | static_cast<unsigned>(opcode), 1);
  if (length < length_in_u16) {
    put(mask | length, 1);
  } else if (length <= 0xffff) {
    put(mask | length_in_u16, 1);
    put(length, 2);
  } else {
    put(mask | length_in_u64, 1);
    put(length, 8);
  }
}

}  // namespace

bool is_close_code(uint16_t code) {
  if (code >= 3000) return code <= 4999;  // 7.4.2: libraries, frameworks, applications
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

// The first byte in memory is the lowest of a word: so on all machines we build for.
static_assert(std::endian::native == std::endian::little);

void apply_mask(std::span<char> bytes, uint32_t key, size_t offset) {
  key = std::rotr(key, static_cast<int>(offset % 4 * 8));
  const uint64_t wide = uint64_t{key} << 32 | key;
  char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= wide;
    std::memcpy(at, &word, sizeof word);
  }
  for (; left > 0; --left, ++at, key = std::rotr(key, 8)) *at = static_cast<char>(*at ^ static_cast<char>(key & 0xff));
}

void append_frame(Opcode opcode, std::string_view payload, std::string& out) {
  append_head(opcode, payload.size(), 0, out);
  out.append(payload);
}

void append_close(uint16_t code, std::string_view reason, std::string& out) {
  if (code == close_code::none_given) return append_frame(Opcode::close, {}, out);
  size_t fits = std::min(reason.size(), control_bytes_max - sizeof code);
  while (fits > 0 && fits < reason.size() && (static_cast<unsigned char>(reason[fits]) & 0xc0) == 0x80) --fits;
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  append_frame(Opcode::close, payload.append(reason.substr(0, fits)), out);
}

void append_masked_frame(Opcode opcode, std::string_view payload, uint32_t key, std::string& out) {
  append_head(opcode, payload.size(), mask_bit, out);
  char bytes[sizeof key];
  std::memcpy(bytes, &key, sizeof key);
  out.append(bytes, sizeof bytes);
  size_t begin = out.size();
  out.append(payload);
  apply_mask({out.data() + begin, payload.size()}, key);
}

// --- reading

Reader::Step Reader::fail(uint16_t code, const char* reason) {
  failure_ = {code, reason};
  return Step::failed;
}

Reader::Step Reader::next(std::span<char>& input) {
  if (failure_.code != 0) return Step::failed;
  if (std::exchange(message_given_, false)) {
    message_.clear();
    if (message_.capacity() > limits::kept_output_bytes_max) std::string().swap(message_);
  }
  while (true) {
    if (part_ == Part::head) {
      if (!take_head(input)) return failure_.code != 0 ? Step::failed : Step::need_more;
      if (begin_payload() == Step::failed) return Step::failed;
    }
    Step step = in_control() ? take_control(input) : take_data(input);
    if (step != Step::need_more || part_ == Part::payload) return step;  // else a part of a message has ended
  }
}

size_t Reader::length_bytes() const {
  unsigned length = head_[1] & length_bits;
  return length == length_in_u16 ? 2 : length == length_in_u64 ? 8 : 0;
}

// True when the head is complete and keeps every rule.
bool Reader::take_head(std::span<char>& input) {
  auto have = [&](size_t bytes) {
    size_t count = std::min(input.size(), bytes > head_bytes_ ? bytes - head_bytes_ : 0);
    std::memcpy(head_ + head_bytes_, input.data(), count);
    head_bytes_ += count;
    input = input.subspan(count);
    return head_bytes_ >= bytes;
  };
  if (!have(2) || check_first() == Step::failed) return false;
  size_t key_at = 2 + length_bytes();
  if (!have(key_at) || check_length() == Step::failed) return false;
  size_t whole = key_at + (peer_ == Peer::client ? sizeof key_ : 0);
  if (!have(whole)) return false;
  key_ = 0;
  if (peer_ == Peer::client) std::memcpy(&key_, head_ + key_at, sizeof key_);
  return true;
}

// What the first two bytes say (5.2, 5.4, 5.5).
Reader::Step Reader::check_first() {
  constexpr auto broken = close_code::protocol_error;
  unsigned opcode = head_[0] & opcode_bits;
  if (head_[0] & reserved_bits) return fail(broken, "a reserved bit is set, but no extension was agreed on");
  if ((opcode > 2 && opcode < 8) || opcode > 10) return fail(broken, "the opcode is reserved");
  frame_ = static_cast<Opcode>(opcode);
  final_ = (head_[0] & fin_bit) != 0;
  bool masked = (head_[1] & mask_bit) != 0;
  if (masked != (peer_ == Peer::client))
    return fail(broken, masked ? "a frame of a server is masked" : "a frame of a client is not masked");
  if (in_control()) {
    if (!final_) return fail(broken, "a control frame is in parts");
    if ((head_[1] & length_bits) > control_bytes_max) return fail(broken, "a control frame is longer than 125 bytes");
    return Step::need_more;
  }
  if (frame_ == Opcode::continuation && !assembling_) return fail(broken, "there is nothing to continue");
  if (frame_ != Opcode::continuation && assembling_) return fail(broken, "a message begins inside another");
  if (assembling_ && message_frames_ >= limits_.message_frames_max)
    return fail(close_code::policy_violation, "a message has too many frames");
  return Step::need_more;
}

Reader::Step Reader::check_length() {
  size_t bytes = length_bytes();
  length_ = bytes == 0 ? head_[1] & length_bits : big_endian(head_ + 2, bytes);
  bool shortest = bytes == 0 || length_ >= (bytes == 2 ? length_in_u16 : 0x10000u);
  if (!shortest || length_ >> 63 != 0)
    return fail(close_code::protocol_error, "a length is not written in the shortest form");
  if (!in_control() && length_ > limits_.message_bytes_max - (assembling_ ? message_.size() : 0))
    return fail(close_code::too_big, "the message is larger than this route accepts");
  return Step::need_more;
}

Reader::Step Reader::begin_payload() {
  part_ = Part::payload;
  head_bytes_ = 0;
  read_ = 0;
  if (in_control()) return Step::need_more;
  if (frame_ != Opcode::continuation) {
    message_opcode_ = frame_;
    message_frames_ = 0;
    text_ = {};
  }
  ++message_frames_;
  return Step::need_more;
}

Reader::Step Reader::take_control(std::span<char>& input) {
  size_t count = std::min<uint64_t>(input.size(), length_ - read_);
  std::span<char> piece = input.first(count);
  input = input.subspan(count);
  if (peer_ == Peer::client) apply_mask(piece, key_, read_);
  std::copy(piece.begin(), piece.end(), control_ + read_);
  read_ += count;
  return read_ == length_ ? finish_control() : Step::need_more;
}

// Section 5.5.1.
Reader::Step Reader::finish_control() {
  part_ = Part::head;
  opcode_ = frame_;
  payload_ = {control_, static_cast<size_t>(length_)};
  if (opcode_ != Opcode::close || payload_.empty()) return Step::control;
  if (payload_.size() == 1) return fail(close_code::protocol_error, "a close code has two bytes");
  if (!is_close_code(close_code())) return fail(close_code::protocol_error, "the close code is none that may be sent");
  if (!is_utf8(payload_.substr(2))) return fail(close_code::invalid_text, "the reason of a close is not UTF-8");
  return Step::control;
}

uint16_t Reader::close_code() const {
  if (payload_.size() < 2) return close_code::none_given;
  return static_cast<uint16_t>(big_endian(reinterpret_cast<const unsigned char*>(payload_.data()), 2));
}

Reader::Step Reader::take_data(std::span<char>& input) {
  size_t count = std::min<uint64_t>(input.size(), length_ - read_);
  std::span<char> piece = input.first(count);
  input = input.subspan(count);
  if (peer_ == Peer::client) apply_mask(piece, key_, read_);
  std::string_view bytes(piece.data(), piece.size());
  if (message_opcode_ == Opcode::text && !text_.take(bytes))
    return fail(close_code::invalid_text, "a text message is not UTF-8");
  bool whole = final_ && !assembling_ && read_ == 0 && count == length_;
  read_ += count;
  if (whole) return finish_message(bytes);
  message_.append(bytes);
  assembling_ = true;
  if (read_ < length_) return Step::need_more;
  part_ = Part::head;
  if (!final_) return Step::need_more;
  message_given_ = true;
  return finish_message(message_);
}

Reader::Step Reader::finish_message(std::string_view payload) {
  part_ = Part::head;
  assembling_ = false;
  if (message_opcode_ == Opcode::text && !text_.whole())
    return fail(close_code::invalid_text, "a text message ends within a character");
  opcode_ = message_opcode_;
  payload_ = payload;
  return Step::message;
}

}  // namespace headrace::websocket
