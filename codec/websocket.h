// WebSocket frames (RFC 6455 section 5): bytes to messages and back. No socket, no clock; no extension is known.
//
//   frame   := fin:1 rsv:3 opcode:4  masked:1 length:7 [u16 | u64]  [key: 4 bytes]  payload      big endian
//   message := a text or binary frame, then continuation frames up to the one with fin; control frames (close, ping,
//              pong; at most 125 bytes, never in parts) may stand between them
//
// The key stands in every frame of a client and in none of a server. Section numbers below are the RFC's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/utf8.h"

namespace headrace::websocket {

enum class Opcode : uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa };

// Section 7.4.1, and 1013 of the registry it began.
namespace close_code {
inline constexpr uint16_t normal = 1000, going_away = 1001, protocol_error = 1002, unsupported_data = 1003,
                          none_given = 1005,  // stands for a close frame without a code; never on the wire
    invalid_text = 1007, policy_violation = 1008, too_big = 1009, internal_error = 1011, try_again_later = 1013;
}  // namespace close_code

// May this code stand in a close frame?
bool is_close_code(uint16_t code);

// XORs bytes with the key, whose first byte meets the byte at `offset` 0 of the payload (section 5.3). `key` as it
// stands in the frame, loaded by memcpy.
void apply_mask(std::span<char> bytes, uint32_t key, size_t offset = 0);

inline constexpr size_t control_bytes_max = 125;
inline constexpr size_t head_bytes_max = 14;

// Append a frame of a server.
void append_frame(Opcode opcode, std::string_view payload, std::string& out);
// `reason` is cut, between characters, to what fits. A code that is none_given has no payload.
void append_close(uint16_t code, std::string_view reason, std::string& out);
// Appends a frame of a client.
void append_masked_frame(Opcode opcode, std::string_view payload, uint32_t key, std::string& out);

struct ReaderLimits {
  size_t message_bytes_max;
  size_t message_frames_max;  // of one message: empty frames cost something, too
};

// Why a peer is given up: what its close frame is told.
struct Failure {
  uint16_t code = 0;
  const char* reason = "";  // static text
};

// Operation: next() until it needs more; bytes are taken off the input and never asked for again. What it refuses, and
// when, does not depend on how the bytes were cut. Limits: ReaderLimits; memory is the unfinished message's.
class Reader {
 public:
  enum class Step { need_more, message, control, failed };
  enum class Peer { client, server };  // whose frames are read

  Reader(Peer peer, const ReaderLimits& limits) : peer_(peer), limits_(limits) {}

  // need_more: `input` is empty. message, control: opcode() and payload() hold until the next call; the payload may lie
  // in the input, which is changed. failed: failure() says why, and nothing behind it can be read.
  Step next(std::span<char>& input);

  Opcode opcode() const { return opcode_; }
  std::string_view payload() const { return payload_; }
  // Of a close frame: its code or none_given.
  uint16_t close_code() const;
  const Failure& failure() const { return failure_; }

  // Something of a message or frame has come, but not all.
  bool in_message() const { return assembling_ || head_bytes_ > 0 || part_ == Part::payload; }
  size_t held_bytes() const { return message_.capacity(); }

 private:
  enum class Part { head, payload };

  Step fail(uint16_t code, const char* reason);
  bool take_head(std::span<char>& input);
  Step check_first();
  Step check_length();
  Step begin_payload();
  Step take_control(std::span<char>& input);
  Step take_data(std::span<char>& input);
  Step finish_control();
  Step finish_message(std::string_view payload);
  bool in_control() const { return static_cast<uint8_t>(frame_) >= 8; }
  size_t length_bytes() const;

  const Peer peer_;
  const ReaderLimits limits_;
  Part part_ = Part::head;
  unsigned char head_[head_bytes_max];
  size_t head_bytes_ = 0;
  Opcode frame_ = Opcode::continuation;  // being read
  bool final_ = false;
  uint32_t key_ = 0;
  uint64_t length_ = 0, read_ = 0;       // of its payload

  bool assembling_ = false;  // a message in parts
  Opcode message_opcode_ = Opcode::text;
  size_t message_frames_ = 0;
  std::string message_;
  bool message_given_ = false;  // payload_ lies in it
  Utf8Check text_;

  char control_[control_bytes_max];
  Opcode opcode_ = Opcode::text;
  std::string_view payload_;
  Failure failure_;
};

}  // namespace headrace::websocket
