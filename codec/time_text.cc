// Reading and writing ISO 8601 without locale, allocation or the C library's calendar.
#include "codec/time_text.h"

#include <charconv>
#include <chrono>
#include <cstring>

namespace headrace {
namespace {

// Two digits at `i`, or -1.
int two(std::string_view text, size_t i) {
  if (i + 2 > text.size()) return -1;
  unsigned a = static_cast<unsigned>(text[i] - '0'), b = static_cast<unsigned>(text[i + 1] - '0');
  return a > 9 || b > 9 ? -1 : static_cast<int>(a * 10 + b);
}

bool at(std::string_view text, size_t i, char c) { return i < text.size() && text[i] == c; }

void put_two(char* out, int64_t value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// Eight characters at a time, as one number: what stands there ('0' for any digit), and its pairs of digits.
struct Pattern {
  uint64_t text = 0, digits = 0;
  constexpr explicit Pattern(std::string_view eight) {
    for (size_t i = 8; i-- > 0;) {
      text = text << 8 | static_cast<unsigned char>(eight[i]);
      digits = digits << 8 | (eight[i] == '0' ? 0xff : 0);
    }
  }
};
constexpr Pattern date_pattern("0000-00-"), clock_pattern("00:00:00"), fraction_pattern("0.000000");

uint64_t load_eight(const char* text) {
  uint64_t out;
  std::memcpy(&out, text, sizeof out);
  return out;
}

bool matches(uint64_t eight, Pattern pattern) {
  constexpr uint64_t ones = 0x0101010101010101u;
  uint64_t difference = eight ^ pattern.text, digits = difference & pattern.digits;
  uint64_t above_nine = ((digits + ones * (0x7f - 9)) | digits) & ones * 0x80;
  return (difference & ~pattern.digits) == 0 && above_nine == 0;
}

// The byte `i` of the result is the number that digits `i` and `i` + 1 write.
uint64_t pairs_of(uint64_t eight) {
  uint64_t digits = eight & 0x0f0f0f0f0f0f0f0fu;
  return digits * 10 + (digits >> 8);
}
int64_t pair(uint64_t pairs, int i) { return static_cast<int64_t>(pairs >> (8 * i) & 0xff); }

// Days since 1970 of the date that ten characters write. Consecutive times mostly share it.
std::optional<int64_t> day_of_text(std::string_view ten) {
  thread_local char cached[] = {'1', '9', '7', '0', '-', '0', '1', '-', '0', '1'};
  thread_local int64_t cached_day = 0;
  if (std::memcmp(cached, ten.data(), sizeof cached) == 0) return cached_day;
  int day = two(ten, 8);
  if (!matches(load_eight(ten.data()), date_pattern) || day < 0) return {};
  std::chrono::year_month_day date{std::chrono::year{two(ten, 0) * 100 + two(ten, 2)},
                                   std::chrono::month(static_cast<unsigned>(two(ten, 5))),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || date.year() < std::chrono::year{1970}) return {};
  std::memcpy(cached, ten.data(), sizeof cached);
  return cached_day = std::chrono::sys_days{date}.time_since_epoch().count();
}

// The fraction behind the seconds, in microseconds; moves `i` behind it. -1 if a point has no digit.
int64_t fraction_us(std::string_view text, size_t& i) {
  if (text.size() >= 26 && matches(load_eight(text.data() + 18), fraction_pattern) &&
      (text.size() == 26 || text[26] < '0' || text[26] > '9')) {
    uint64_t pairs = pairs_of(load_eight(text.data() + 18));
    return i = 26, pair(pairs, 2) * 10'000 + pair(pairs, 4) * 100 + pair(pairs, 6);
  }
  if (!at(text, i, '.') && !at(text, i, ',')) return 0;
  int64_t value = 0, scale = second_us;
  size_t first = ++i;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    if ((scale /= 10) > 0) value += (text[i] - '0') * scale;
  return i == first || i - first > 18 ? -1 : value;
}

// The offset of the zone behind `i`, in microseconds. Empty if what stands there is no zone.
std::optional<Micros> zone_offset(std::string_view text, size_t i) {
  if (i == text.size()) return 0;
  if ((text[i] == 'Z' || text[i] == 'z') && i + 1 == text.size()) return 0;
  if (text[i] != '+' && text[i] != '-') return {};
  int hours = two(text, i + 1);
  size_t rest = at(text, i + 3, ':') ? i + 4 : i + 3;
  int minutes = rest == text.size() ? 0 : two(text, rest);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return {};
  if (rest != text.size() && rest + 2 != text.size()) return {};
  Micros offset = hours * hour_us + minutes * minute_us;
  return text[i] == '+' ? offset : -offset;
}

}  // namespace

CivilDate civil_of_day(int64_t day) {
  std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  return {int(date.year()), static_cast<int>(unsigned(date.month())), static_cast<int>(unsigned(date.day()))};
}

int64_t day_of_civil(CivilDate date) {
  using namespace std::chrono;
  return sys_days{year{date.year} / month{static_cast<unsigned>(date.month)} /
                  day{static_cast<unsigned>(date.day)}}
      .time_since_epoch()
      .count();
}

std::optional<Micros> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  constexpr std::string_view units = "smhd";
  constexpr Micros unit_us[] = {second_us, minute_us, hour_us, day_us};
  constexpr Micros most = 36'500 * day_us;
  if (text.empty()) return {};
  const size_t unit = units.find(text.back());
  Micros count = 0;
  const char* end = text.data() + text.size() - 1;
  auto [stop, code] = std::from_chars(text.data(), end, count);
  if (unit == units.npos || stop != end || code != std::errc() || count < 0 || count > most / unit_us[unit])
    return {};
  return count * unit_us[unit];
}

std::optional<Micros> parse_time(std::string_view text) {
  if (text.size() < 19 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) return {};
  uint64_t clock = load_eight(text.data() + 11);
  auto day = day_of_text(text.substr(0, 10));
  if (!day || !matches(clock, clock_pattern)) return {};
  uint64_t pairs = pairs_of(clock);
  int64_t hour = pair(pairs, 0), minute = pair(pairs, 3), second = pair(pairs, 6);
  if (hour > 23 || minute > 59 || second > 60) return {};
  size_t i = 19;
  int64_t fraction = fraction_us(text, i);
  auto offset = zone_offset(text, i);
  if (fraction < 0 || !offset) return {};
  return *day * day_us + hour * hour_us + minute * minute_us + second * second_us + fraction - *offset;
}

void append_time(Micros time, bool zone, std::string& out) {
  int64_t day = time / day_us, rest = time % day_us;
  if (rest < 0) rest += day_us, --day;
  // Consecutive times mostly share their day.
  thread_local int64_t cached_day = INT64_MIN;
  thread_local char cached[10];
  if (day != cached_day) {
    CivilDate date = civil_of_day(day);
    put_two(cached, date.year / 100), put_two(cached + 2, date.year % 100), cached[4] = '-';
    put_two(cached + 5, date.month), cached[7] = '-', put_two(cached + 8, date.day);
    cached_day = day;
  }
  char text[27];
  std::memcpy(text, cached, 10);
  text[10] = 'T', text[13] = text[16] = ':', text[19] = '.';
  put_two(text + 11, rest / hour_us), put_two(text + 14, rest / minute_us % 60);
  put_two(text + 17, rest / second_us % 60);
  int64_t us = rest % second_us;
  put_two(text + 20, us / 10'000), put_two(text + 22, us / 100 % 100), put_two(text + 24, us % 100);
  text[26] = 'Z';
  out.append(text, zone ? 27 : 26);
}

}  // namespace headrace
