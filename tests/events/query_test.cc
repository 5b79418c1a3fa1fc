// Cursors come back as they went; anything else is none.
#include "src/events/query.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Cursor, ComesBackAsItWent) {
  std::vector<Lsn> position{1, 18446744073709551615u, 42};
  EXPECT_EQ(parse_cursor(cursor_text(position), 3), position);
}

TEST(Cursor, AnythingElseIsNone) {
  for (auto text : {"", "1", "1.2", "1.2.3.4", "1.2.", ".1.2", "1..2", "0.1.2", "a.b.c", "1.2.3x", "-1.2.3",
                    "1.2.99999999999999999999"})
    EXPECT_FALSE(parse_cursor(text, 3)) << text;
}

}  // namespace
}  // namespace headrace
