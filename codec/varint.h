// Varints (LEB128, as in protocol buffers), zigzag, and length-prefixed texts: the small change of binary
// records.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

inline constexpr size_t varint_bytes_max = 10;

inline void put_varint(uint64_t value, std::string& out) {
  char bytes[varint_bytes_max];
  size_t size = 0;
  while (value >= 0x80) {
    bytes[size++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes[size++] = static_cast<char>(value);
  out.append(bytes, size);
}

constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1)); }

inline void put_text(std::string_view text, std::string& out) {
  put_varint(text.size(), out);
  out.append(text);
}

// Takes values off the front of some bytes. After the first that is not there, failed() holds and all are
// zero.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  std::string_view rest() const { return rest_; }

  uint64_t varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < rest_.size() && i < varint_bytes_max; ++i) {
      auto byte = static_cast<uint8_t>(rest_[i]);
      if (i == 9 && byte > 1) break;  // more than 64 bits
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return value;
      }
    }
    return fail();
  }

  std::string_view text() { return bytes(varint()); }

  std::string_view bytes(uint64_t size) {
    if (failed_ || size > rest_.size()) return fail(), std::string_view();
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  // A little-endian number of T's size (this program runs on little-endian machines only).
  template <class T>
  T fixed() {
    std::string_view taken = bytes(sizeof(T));
    T value{};
    if (!taken.empty()) std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }

 private:
  uint64_t fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool failed_ = false;
};

template <class T>
void put_fixed(T value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace headrace
