// What the load generator sends: shopping events of about 200 bytes, as a shop's pages would post them.
#include "tools/bench_payload.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <random>

#include "codec/websocket.h"
#include "src/base/check.h"
#include "src/base/time.h"

namespace headrace {
namespace {

constexpr size_t single_templates = 16'384;
constexpr size_t predict_templates = 8192;

void write_hex(uint64_t value, char* to, size_t digits) {
  for (size_t at = digits; at-- > 0; value >>= 4) to[at] = "0123456789abcdef"[value & 15];
}

// Shares of a common shop: most events are views, one in twelve puts something into the cart.
std::string_view type_for(unsigned dice) {
  dice %= 100;
  if (dice < 40) return "page_view";
  if (dice < 85) return "product_view";
  if (dice < 93) return "add_to_cart";
  if (dice < 96) return "remove_from_cart";
  return dice < 99 ? "checkout_start" : "purchase";
}

class EventWriter {
 public:
  explicit EventWriter(const PoolWish& wish) : wish_(wish), dice_(wish.run) {}

  // Appends one event and returns where its id begins.
  size_t append(std::string& out) {
    constexpr std::array<std::string_view, 4> regions{"eu-west", "us-east", "us-west", "ap-south"};
    const size_t cart = turn_++ % wish_.carts;
    out += R"({"event_id":")";
    const size_t id_at = out.size();
    out.append(EventIds::width, '0').append(between_id_and_time).append(EventTimes::width, '0');
    const unsigned cents = 199 + dice_() % 20'000;
    fmt::format_to(std::back_inserter(out),
                   R"(","event_type":"{}","data":{{"user_id":"u{}","session_id":"s{}",)"
                   R"("cart_id":"{}","product_id":"p{}","price":{}.{:02},"quantity":{},"region":"{}"}}}})",
                   type_for(dice_()), cart / 2, cart, cart_name(cart, wish_.run), dice_() % 5'000,
                   cents / 100, cents % 100, 1 + dice_() % 3, regions[cart % regions.size()]);
    return id_at;
  }

  unsigned roll() { return dice_(); }

 private:
  const PoolWish& wish_;
  std::mt19937 dice_;
  size_t turn_ = 0;
};

// Puts the head in front of `body`; ids that were found in the body move with it.
Template with_head(const PoolWish& wish, std::string_view body, std::string_view type,
                   std::vector<size_t> ids) {
  Template made;
  if (wish.websocket)  // a key of zeros leaves ids where they can be changed
    append_masked_frame(wish.ndjson ? websocket::Opcode::binary : websocket::Opcode::text, body, 0, made.wire);
  else
    append_request(wish.origin, {"POST", wish.path, wish.key, type, body}, made.wire);
  for (size_t& at : ids) at += made.wire.size() - body.size();
  made.id_at = std::move(ids);
  return made;
}

Template one_batch(const PoolWish& wish, EventWriter& writer) {
  std::string body = wish.ndjson ? "" : "[";
  std::vector<size_t> ids;
  for (size_t event = 0; event < wish.batch; ++event) {
    if (!wish.ndjson && event > 0) body += ',';
    ids.push_back(writer.append(body));
    if (wish.ndjson) body += '\n';
  }
  if (!wish.ndjson) body += ']';
  return with_head(wish, body, wish.ndjson ? "application/x-ndjson" : "application/json", std::move(ids));
}

}  // namespace

EventIds::EventIds(uint32_t run) : prefix_{'e', 'v', 't', '_'} { write_hex(run, prefix_ + 4, 8); }

void EventIds::write_next(char* to) {
  std::copy(prefix_, prefix_ + sizeof prefix_, to);
  write_hex(next_++, to + sizeof prefix_, width - sizeof prefix_);
}

void EventTimes::write_next(char* to) {
  last_us_ = std::max(last_us_ + 1, system_clock().wall());
  if (last_us_ / second_us != second_) {
    second_ = last_us_ / second_us;
    const std::string text =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}.000000Z", fmt::gmtime(static_cast<std::time_t>(second_)));
    text.copy(text_, width);
  }
  std::copy(text_, text_ + width, to);
  int64_t rest = last_us_ % second_us;
  for (size_t digit = 25; digit >= 20; --digit, rest /= 10) to[digit] = static_cast<char>('0' + rest % 10);
}

RequestPool::RequestPool(std::vector<Template> templates, uint32_t run)
    : templates_(std::move(templates)), ids_(run) {
  CHECK(!templates_.empty());
}

void RequestPool::append_next(std::string& out) {
  const Template& next = templates_[turn_];
  turn_ = turn_ + 1 == templates_.size() ? 0 : turn_ + 1;
  const size_t start = out.size();
  out += next.wire;
  for (const size_t at : next.id_at) {
    ids_.write_next(out.data() + start + at);
    times_.write_next(out.data() + start + at + event_time_behind_id);
  }
}

std::string cart_name(size_t cart, uint32_t run) { return fmt::format("c{:x}-{}", run, cart); }

std::vector<Template> single_event_requests(const PoolWish& wish) {
  EventWriter writer(wish);
  std::vector<Template> made;
  for (size_t i = 0; i < single_templates; ++i) {
    std::string body;
    const size_t id_at = writer.append(body);
    made.push_back(with_head(wish, body, "application/json", {id_at}));
  }
  return made;
}

std::vector<Template> batch_requests(const PoolWish& wish, size_t count) {
  EventWriter writer(wish);
  std::vector<Template> made;
  for (size_t i = 0; i < count; ++i) made.push_back(one_batch(wish, writer));
  return made;
}

std::vector<Template> predict_requests(const PoolWish& wish) {
  EventWriter writer(wish);
  std::vector<Template> made;
  for (size_t i = 0; i < predict_templates; ++i) {
    const std::string body =
        fmt::format(R"({{"cart_id":"{}"}})", cart_name(writer.roll() % wish.carts, wish.run));
    made.push_back(with_head(wish, body, "application/json", {}));
  }
  return made;
}

std::vector<Template> get_requests(const PoolWish& wish) {
  Template made;
  append_request(wish.origin, {"GET", wish.path, wish.key, {}, {}}, made.wire);
  return {made};
}

}  // namespace headrace
