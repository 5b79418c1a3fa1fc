// Writing replies: a handful of appends, no formatting but of the length.
#include "src/net/reply_text.h"

#include <charconv>
#include <cstdio>
#include <ctime>

namespace headrace {
namespace {

// RFC 9110 15. What is not here goes out with an empty reason, which is valid.
std::string_view reason_of(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

// RFC 9110 8.6, 15.4.5: these carry no body, and interim answers and 204 no length either.
bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

void append_number(std::string& out, size_t number) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<size_t>(status));
  out.append(" ").append(reason_of(status)).append("\r\n");
}

}  // namespace

std::string_view DateLine::at(Micros monotonic) {
  if (monotonic - made_at_ >= 100'000) {
    made_at_ = monotonic;
    time_t now = static_cast<time_t>(system_clock().wall() / second_us);
    if (now != second_) {
      second_ = now;
      tm parts;
      gmtime_r(&now, &parts);
      length_ = std::strftime(
          text_, sizeof text_, "Date: %a, %d %b %Y %H:%M:%S GMT\r\nX-Content-Type-Options: nosniff\r\n", &parts);
    }
  }
  return {text_, length_};
}

void append_reply(std::string& out, const BorrowedReply& reply, ReplyMode mode, std::string_view date_line) {
  append_status_line(out, reply.status);
  out.append(date_line);
  if (!reply.content_type.empty()) out.append("Content-Type: ").append(reply.content_type).append("\r\n");
  if (!has_no_body(reply.status)) {
    out.append("Content-Length: ");
    append_number(out, reply.body.size());
    out.append("\r\n");
  }
  out.append(reply.headers).append(mode.lines);
  if (!mode.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (mode.old_client) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!mode.head && !has_no_body(reply.status)) out.append(reply.body);
}

}  // namespace headrace
