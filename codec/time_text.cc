// Reading and writing ISO 8601 without locale, allocation or the C library's calendar.
#include "codec/time_text.h"

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

// The fraction behind the seconds, in microseconds; moves `i` behind it. -1 if a point has no digit.
int64_t fraction_us(std::string_view text, size_t& i) {
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

std::optional<Micros> parse_time(std::string_view text) {
  int century = two(text, 0), year = two(text, 2), month = two(text, 5), day = two(text, 8);
  int hour = two(text, 11), minute = two(text, 14), second = two(text, 17);
  if (century < 0 || year < 0 || !at(text, 4, '-') || !at(text, 7, '-')) return {};
  if (!at(text, 10, 'T') && !at(text, 10, 't') && !at(text, 10, ' ')) return {};
  if (!at(text, 13, ':') || !at(text, 16, ':')) return {};
  if (month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) return {};
  if (hour > 23 || minute > 59 || second > 60 || century * 100 + year < 1970) return {};
  using namespace std::chrono;
  year_month_day date{std::chrono::year{century * 100 + year},
                      std::chrono::month(static_cast<unsigned>(month)),
                      std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {};
  size_t i = 19;
  int64_t fraction = fraction_us(text, i);
  auto offset = zone_offset(text, i);
  if (fraction < 0 || !offset) return {};
  Micros days = sys_days{date}.time_since_epoch().count();
  return days * day_us + hour * hour_us + minute * minute_us + second * second_us + fraction - *offset;
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
