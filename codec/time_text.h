// Times as text: ISO 8601 as in RFC 3339, also without a zone (then UTC).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/time.h"

namespace headrace {

// "2025-09-30T12:00:00[.fraction][Z|+hh:mm]", also with a blank for T. Years 1970 to 9999. Digits beyond
// microseconds are cut. Empty where the text is no such time.
std::optional<Micros> parse_time(std::string_view text);

// Appends "2025-09-30T12:00:00.000000", with Z if `zone`.
void append_time(Micros time, bool zone, std::string& out);

// "90s", "30m", "24h", "7d", at most a hundred years; and "0".
std::optional<Micros> parse_duration(std::string_view text);

// Days since 1970-01-01 as a civil date (proleptic Gregorian), and back.
struct CivilDate {
  int year, month, day;  // month and day from 1
};
CivilDate civil_of_day(int64_t day);
int64_t day_of_civil(CivilDate date);

}  // namespace headrace
