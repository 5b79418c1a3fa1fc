// A made-up shop. Rates are of the order that public studies of shops report: most visits end without a cart,
// about seven carts of ten are left (baymard.com/lists/cart-abandonment-rate).
#include "src/simulation/shop.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "src/base/check.h"

namespace headrace {
namespace {

constexpr size_t products = 2'000;
constexpr size_t steps_max = 120;  // of one session

struct Persona {
  std::string_view name;
  double share;      // of all visitors
  double stay;       // chance to look at another page
  double put;        // chance that a product looked at goes into the cart
  double regret;     // chance per page to take something out again
  double checkout;   // chance per page to go to the checkout with a filled cart
  double buy;        // chance to finish a checkout
  double returning;  // chance of having been here before
  double read_s;     // typical seconds on a page
};

constexpr std::array<Persona, 5> personas{{
    {"glance", 0.34, 0.45, 0.02, 0.00, 0.05, 0.30, 0.15, 14},
    {"browser", 0.30, 0.88, 0.06, 0.10, 0.04, 0.35, 0.40, 35},
    {"comparer", 0.16, 0.94, 0.16, 0.22, 0.05, 0.40, 0.55, 55},
    {"bargain hunter", 0.12, 0.90, 0.30, 0.18, 0.10, 0.30, 0.60, 30},
    {"loyal buyer", 0.08, 0.88, 0.35, 0.04, 0.30, 0.85, 0.95, 25},
}};

constexpr std::array<std::string_view, 4> regions{"eu-west", "us-east", "us-west", "ap-south"};
constexpr std::array<std::string_view, 3> devices{"mobile", "desktop", "tablet"};
constexpr std::array<std::string_view, 8> categories{"shoes",  "kitchen", "audio",  "books",
                                                     "garden", "toys",    "beauty", "sport"};

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): the same on every
// machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double p) { return share() < p; }
  size_t below(size_t count) { return static_cast<size_t>(share() * static_cast<double>(count)); }
  double normal() {
    return std::sqrt(-2 * std::log(1 - share())) *
           std::cos(2 * std::numbers::pi * share());  // Box and Muller, 1958
  }

 private:
  uint64_t state_;
};

struct Line {
  size_t product;
  int quantity;
};

double price_of(size_t product) {
  Dice dice(product * 7919 + 1);
  return std::round(std::exp(3.2 + 0.9 * dice.normal()) * 100) / 100 + 0.99;
}

const Persona& some_persona(Dice& dice) {
  double left = dice.share();
  for (const Persona& persona : personas)
    if ((left -= persona.share) < 0) return persona;
  return personas.back();
}

// Popularity falls as 1/rank: the most wanted tenth gets about 70 % of all looks.
size_t some_product(Dice& dice) {
  return static_cast<size_t>(std::exp(dice.share() * std::log(static_cast<double>(products))));
}

// Few come at night; the evening is busiest.
Micros some_moment(Dice& dice, Micros end) {
  for (;;) {
    const auto moment = static_cast<Micros>(dice.share() * static_cast<double>(day_us));
    const double hour = static_cast<double>((end - day_us + moment) % day_us) / static_cast<double>(hour_us);
    const double busy = 0.55 - 0.45 * std::cos((hour - 3.5) / 24 * 2 * std::numbers::pi);
    if (dice.chance(busy)) return end - day_us + moment;
  }
}

// One visit, from landing to purchase or silence.
class Session {
 public:
  Session(const ShopWish& wish, Dice& dice, size_t number, std::vector<SourceEvent>& out)
      : wish_(wish), dice_(dice), persona_(some_persona(dice)), number_(number), out_(out) {
    user_ = fmt::format("user-{}-{}", wish.run,
                        dice.chance(persona_.returning) ? dice.below(1'000) : 1'000 + number);
    session_ = fmt::format("session-{}-{}", wish.run, number);
    cart_ = fmt::format("cart-{}-{}", wish.run, number);
    region_ = regions[dice.below(regions.size())];
    device_ = devices[std::min(dice.below(4), dice.below(3))];
    returning_ = dice.chance(persona_.returning);
    time_ = some_moment(dice, wish.end);
  }

  void play() {
    land();
    for (size_t step = 0; step < steps_max && dice_.chance(persona_.stay); ++step) {
      look();
      if (dice_.chance(persona_.regret)) take_out();
      if (!cart_lines_.empty() && dice_.chance(persona_.checkout) && check_out()) return;
    }
  }

 private:
  // Most come from a search engine or an advertisement straight to a product.
  void land() {
    if (dice_.chance(0.7)) return about_product("product_view", {some_product(dice_), 1});
    page("page_view", "info");
  }

  void look() {
    const double what = dice_.share();
    if (what < 0.08) return page("page_view", "admin");
    if (what < 0.16) return page("page_view", "info");
    if (what < 0.22) return page("search", "");
    const size_t product = some_product(dice_);
    about_product("product_view", {product, 1});
    if (dice_.chance(persona_.put)) put_in({product, dice_.chance(0.85) ? 1 : 2});
  }

  void put_in(Line line) {
    about_product("add_to_cart", line);
    cart_lines_.push_back(line);
  }

  void take_out() {
    if (cart_lines_.empty()) return;
    const auto at = cart_lines_.begin() + static_cast<std::ptrdiff_t>(dice_.below(cart_lines_.size()));
    about_product("remove_from_cart", *at);
    cart_lines_.erase(at);
  }

  // True where the visit ends with it.
  bool check_out() {
    page("page_view", "admin");
    double total = 0;
    for (const Line& line : cart_lines_) total += price_of(line.product) * line.quantity;
    emit(start("checkout_start").number("cart_value", std::round(total * 100) / 100));
    if (!dice_.chance(persona_.buy)) return dice_.chance(0.7);
    emit(start("purchase").number("price", std::round(total * 100) / 100).number("quantity", 1));
    return true;
  }

  void page(std::string_view type, std::string_view page_type) {
    emit(start(type).text("page_type", page_type));
  }

  void about_product(std::string_view type, Line line) {
    emit(start(type)
             .text("product_id", fmt::format("p{:04}", line.product))
             .text("category", categories[line.product % categories.size()])
             .number("price", price_of(line.product))
             .number("quantity", line.quantity));
  }

  EventJson& start(std::string_view type) {
    wanted_ = wish_.only.empty() || wish_.only == type;
    json_.emplace(fmt::format("demo-{}-{}-{}", wish_.run, number_, count_++), type, time_);
    return json_->text("user_id", user_)
        .text("session_id", session_)
        .text("cart_id", cart_)
        .text("region", region_)
        .text("device", device_)
        .flag("returning_visitor", returning_);
  }

  // Log-normal reading times: most short, some long. What would happen after the end has not happened yet.
  void emit(EventJson& json) {
    if (wanted_ && time_ <= wish_.end) out_.push_back({time_, cart_, json.done()});
    const double read_s = persona_.read_s * std::exp(0.8 * dice_.normal());
    time_ += static_cast<Micros>(read_s * static_cast<double>(second_us));
  }

  const ShopWish& wish_;
  Dice& dice_;
  const Persona& persona_;
  size_t number_, count_ = 0;
  std::vector<SourceEvent>& out_;
  std::string user_, session_, cart_;
  std::string_view region_, device_;
  bool returning_ = false, wanted_ = true;
  Micros time_ = 0;
  std::vector<Line> cart_lines_;
  std::optional<EventJson> json_;
};

class Shop final : public EventSource {
 public:
  explicit Shop(const ShopWish& wish) : wish_(wish) {
    Dice dice(wish.seed);
    for (; events_.size() < wish_.events; ++sessions_) Session(wish_, dice, sessions_, events_).play();
    std::stable_sort(events_.begin(), events_.end(),
                     [](const SourceEvent& a, const SourceEvent& b) { return a.time < b.time; });
  }

  Result<bool> next(SourceEvent& event) override {
    if (at_ == events_.size()) return false;
    event = std::move(events_[at_++]);
    return true;
  }

  double progress() const override { return static_cast<double>(at_) / static_cast<double>(events_.size()); }

  std::string about() const override {
    return fmt::format("a made-up shop's last 24 hours: {} events in {} visits (seed {})", events_.size(),
                       sessions_, wish_.seed);
  }

 private:
  ShopWish wish_;
  std::vector<SourceEvent> events_;
  size_t at_ = 0, sessions_ = 0;
};

}  // namespace

std::unique_ptr<EventSource> make_shop(const ShopWish& wish) {
  CHECK(wish.events > 0);
  return std::make_unique<Shop>(wish);
}

}  // namespace headrace
