// What the load generator sends: whole HTTP requests made beforehand, of which only ids and times of events
// change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/http_client.h"

namespace headrace {

// Makes the ids of one run: fixed width, never the same twice, and different from those of any other run.
class EventIds {
 public:
  static constexpr size_t width = 24;  // "evt_", 8 digits of the run, 12 digits of the event; hexadecimal

  explicit EventIds(uint32_t run);
  void write_next(char* to);

 private:
  char prefix_[12];
  uint64_t next_ = 0;
};

// Gives each event its own moment: now, and a microsecond later than the event before it.
class EventTimes {
 public:
  static constexpr size_t width = 27;  // "2025-09-30T12:00:00.000000Z"

  void write_next(char* to);

 private:
  int64_t last_us_ = 0, second_ = -1;
  char text_[width];
};

// A request as it goes over the wire, with the places of the event ids in it.
struct Template {
  std::string wire;
  std::vector<size_t> id_at;  // of each event; its time stands event_time_behind_id bytes behind
};
inline constexpr std::string_view between_id_and_time = R"(","timestamp":")";
inline constexpr size_t event_time_behind_id = EventIds::width + between_id_and_time.size();

// A pool of requests that are sent in turn. Each copy gets fresh ids.
class RequestPool {
 public:
  RequestPool(std::vector<Template> templates, uint32_t run);
  void append_next(std::string& out);
  size_t events_per_request() const { return templates_.front().id_at.size(); }
  size_t bytes_per_request() const { return templates_.front().wire.size(); }

 private:
  std::vector<Template> templates_;
  EventIds ids_;
  EventTimes times_;
  size_t turn_ = 0;
};

struct PoolWish {
  Origin origin;
  std::string key;
  std::string path;       // of the route
  size_t batch = 1'000;   // events of one batch request
  bool websocket = false;  // frames instead of requests
  bool ndjson = false;    // batches as one event per line instead of a JSON array
  size_t carts = 20'000;  // distinct carts that the events are about
  uint32_t run = 0;       // makes ids and the choice of carts different from run to run
};

// Events go round the carts in turn, so `carts` events in a row name each of them once.
std::vector<Template> single_event_requests(const PoolWish& wish);
std::vector<Template> batch_requests(const PoolWish& wish, size_t count);
std::vector<Template> predict_requests(const PoolWish& wish);
std::vector<Template> get_requests(const PoolWish& wish);

// The name of cart number `cart` of a run.
std::string cart_name(size_t cart, uint32_t run);

}  // namespace headrace
