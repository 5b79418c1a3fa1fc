// Events that nobody's shop sent: made up, or out of a file.
#pragma once

#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"

namespace headrace {

struct SourceEvent {
  Micros time = 0;
  std::string cart;  // the cart it is about; empty where it is about none
  std::string json;  // the event as POST /api/events takes it
};

// A stream of events in order of time.
class EventSource {
 public:
  virtual ~EventSource() = default;
  // The next event; false at the end.
  virtual Result<bool> next(SourceEvent& event) = 0;
  // How much of the stream has been handed out, 0 to 1.
  virtual double progress() const = 0;
  // One line for people: what this stream is.
  virtual std::string about() const = 0;
};

// Builds the JSON of one event; members are added in the order of the calls.
class EventJson {
 public:
  EventJson(std::string_view id, std::string_view type, Micros time);
  EventJson& text(std::string_view name, std::string_view value);  // left out where empty
  EventJson& number(std::string_view name, double value);
  EventJson& flag(std::string_view name, bool value);
  std::string done();

 private:
  void name(std::string_view name);

  std::string out_;
  bool first_ = true;
};

}  // namespace headrace
