// Weights of Accept-Encoding.
#include "routes/kit/coding.h"

#include <array>
#include <charconv>

#include "src/base/limits.h"
#include "src/net/text.h"

namespace headrace {
namespace {

// The weight behind ";q=", 1 where there is none, 0 where it is none.
double weight_of(std::string_view range) {
  const size_t semicolon = range.find(';');
  if (semicolon == range.npos) return 1;
  std::string_view text = trimmed(range.substr(semicolon + 1));
  if (text.size() < 3 || (text[0] | 0x20) != 'q' || text[1] != '=') return 0;
  double weight = 0;
  auto [end, code] = std::from_chars(text.data() + 2, text.data() + text.size(), weight, std::chars_format::fixed);
  return code == std::errc() && end == text.data() + text.size() && weight >= 0 && weight <= 1 ? weight : 0;
}

}  // namespace

Coding choose_coding(std::string_view accept_encoding) {
  constexpr double unsaid = -1;
  std::array<double, 3> weights{unsaid, unsaid, unsaid};
  double others = unsaid;
  for_each_token(accept_encoding, [&](std::string_view range) {
    std::string_view name = trimmed(range.substr(0, range.find(';')));
    if (name == "*") others = weight_of(range);
    for (Coding coding : {Coding::identity, Coding::gzip, Coding::zstd})
      if (equal_any_case(name, name_of(coding))) weights[static_cast<size_t>(coding)] = weight_of(range);
  });
  if (weights[1] == unsaid) weights[1] = others;  // whatever "*" means to its sender, gzip everybody reads
  const Coding best = weights[2] > 0 && weights[2] >= weights[1] ? Coding::zstd : Coding::gzip;
  const double weight = weights[static_cast<size_t>(best)];
  return weight > 0 && weight >= weights[0] ? best : Coding::identity;
}

bool is_worth_coding(std::string_view content_type, size_t bytes) {
  if (bytes < limits::coded_bytes_min) return false;
  return content_type.starts_with("text/") || content_type.find("json") != content_type.npos ||
         content_type.find("openmetrics") != content_type.npos;
}

}  // namespace headrace
