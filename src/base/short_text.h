// ShortText: a text of at most so many bytes inside its owner, without allocation; what is longer is cut.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace headrace {

template <size_t bytes_max>
class ShortText {
 public:
  ShortText() = default;
  explicit ShortText(std::string_view text) { assign(text); }
  void assign(std::string_view text) { size_ = text.copy(text_.data(), text_.size()); }
  std::string_view view() const { return {text_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<char, bytes_max> text_;
  size_t size_ = 0;
};

}  // namespace headrace
