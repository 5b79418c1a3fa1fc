// Replies as bytes: status line, the headers every reply has, body.
#pragma once

#include <string>
#include <string_view>

#include "src/base/time.h"
#include "src/net/http.h"

namespace headrace {

// What every reply carries, as one text: "Date: ...\r\n" (RFC 9110 5.6.7), made anew at most ten times a second, and that
// nobody may guess at types.
class DateLine {
 public:
  std::string_view at(Micros monotonic);

 private:
  Micros made_at_ = -second_us;
  int64_t second_ = -1;
  char text_[80];
  size_t length_ = 0;
};

struct ReplyMode {
  bool head = false;        // a HEAD request: no body, but its length
  bool keep_alive = true;   // otherwise "Connection: close"
  bool old_client = false;  // HTTP/1.0: keep-alive must be said
  std::string_view lines = {};  // header lines of the listener
};

void append_reply(std::string& out, const BorrowedReply& reply, ReplyMode mode, std::string_view date_line);

}  // namespace headrace
