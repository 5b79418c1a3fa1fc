// From positions in the window to the views that handlers see.
#include "src/net/request_parser.h"

namespace headrace {

// The one who may fill a HeaderList.
class RequestView {
 public:
  static void fill(const RequestHead& head, const char* window, HeaderList& list) {
    static thread_local std::vector<Header> headers;  // a thread looks at one request at a time
    headers.clear();
    for (const HeaderSpan& field : head.headers)
      headers.push_back({field.name.in(window), field.value.in(window)});
    list.all_ = headers;
    for (size_t i = 0; i < known_count; ++i) {
      if (uint16_t index = head.known[i]) list.known_[i] = headers[index - 1u].value;
    }
  }
};

void RequestParser::view(const char* window, Request& request) const {
  request.method = head_.method;
  request.keep_alive = head_.keep_alive;
  request.minor_version = head_.minor_version;
  request.target = head_.target.in(window);
  request.path = head_.path.in(window);
  request.query = head_.query.in(window);
  request.body = {window + state_.head_bytes, state_.body_bytes};
  RequestView::fill(head_, window, request.headers);
}

}  // namespace headrace
