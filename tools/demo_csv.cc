// Real shopping events out of a CSV file.
#include "tools/demo_csv.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <unordered_map>
#include <vector>

#include "codec/csv.h"
#include "codec/time_text.h"

namespace headrace {
namespace {

constexpr Micros session_gap_us = 30 * minute_us;
constexpr size_t open_sessions_max = 2'000'000;  // visitors whose session is remembered
constexpr size_t line_bytes_max = 64 * 1024;

using Fields = std::vector<std::string>;

// A row in the words of every shop.
struct Row {
  Micros time = 0;
  std::string type, user, session, product, category, brand;
  std::optional<double> price;
};

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> price_in(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && value >= 0 ? std::optional(value) : std::nullopt;
}

// The published words and ours; empty for a word that is none of theirs.
std::string type_of_word(const std::string& word) {
  static const std::unordered_map<std::string, std::string> words{
      {"view", "product_view"},     {"pv", "product_view"},  {"cart", "add_to_cart"},
      {"addtocart", "add_to_cart"}, {"buy", "purchase"},     {"purchase", "purchase"},
      {"transaction", "purchase"},  {"fav", "wishlist_add"}, {"remove_from_cart", "remove_from_cart"},
  };
  const auto found = words.find(word);
  return found == words.end() ? "" : found->second;
}

// Gives visitors without a session id one: a new session after every long silence.
class SessionCutter {
 public:
  std::string session_of(const std::string& user, Micros time) {
    if (last_.size() > open_sessions_max) last_.clear();
    Seen& seen = last_[user];
    if (time - seen.time > session_gap_us) seen.began = time;
    seen.time = time;
    return fmt::format("{}-{}", user, seen.began / second_us);
  }

 private:
  struct Seen {
    Micros time = 0, began = 0;
  };
  std::unordered_map<std::string, Seen> last_;
};

// Knows which column holds what; made once from the header.
class Layout {
 public:
  static std::optional<Layout> from(const Fields& header) {
    const auto column = [&](std::string_view name) {
      const auto at = std::find(header.begin(), header.end(), name);
      return at == header.end() ? missing : static_cast<size_t>(at - header.begin());
    };
    if (column("event_time") != missing && column("user_session") != missing)
      return Layout{"REES46",
                    column("event_time"),
                    column("event_type"),
                    column("user_id"),
                    column("user_session"),
                    column("product_id"),
                    column("category_code"),
                    column("brand"),
                    column("price"),
                    0};
    if (column("behavior_type") != missing)
      return Layout{"Taobao",
                    column("timestamp"),
                    column("behavior_type"),
                    column("user_id"),
                    missing,
                    column("item_id"),
                    column("category_id"),
                    missing,
                    missing,
                    second_us};
    if (column("visitorid") != missing && column("event") != missing)
      return Layout{"Retailrocket", column("timestamp"), column("event"), column("visitorid"),
                    missing,        column("itemid"),    missing,         missing,
                    missing,        second_us / 1000};
    return std::nullopt;
  }

  // The original Taobao file has no header line: numbers, then a word of theirs.
  static std::optional<Layout> without_header(const Fields& row) {
    if (row.size() != 5 || type_of_word(row[3]).empty() || !whole_number(row[4])) return std::nullopt;
    return from({"user_id", "item_id", "category_id", "behavior_type", "timestamp"});
  }

  bool read(const Fields& fields, Row& row) const {
    const auto field = [&](size_t column) { return column < fields.size() ? fields[column] : std::string(); };
    const auto time = time_in(field(time_));
    row = {time.value_or(0), type_of_word(field(type_)), field(user_),  field(session_),
           field(product_),  field(category_),           field(brand_), price_in(field(price_))};
    return time && !row.type.empty() && !row.user.empty();
  }

  const std::string& name() const { return name_; }

 private:
  static constexpr size_t missing = static_cast<size_t>(-1);

  Layout() = default;
  Layout(std::string name, size_t time, size_t type, size_t user, size_t session, size_t product,
         size_t category, size_t brand, size_t price, Micros unit)
      : name_(std::move(name)),
        time_(time),
        type_(type),
        user_(user),
        session_(session),
        product_(product),
        category_(category),
        brand_(brand),
        price_(price),
        unit_us_(unit) {}

  // unit_us_ 0: as text, "2019-10-01 00:00:00 UTC".
  std::optional<Micros> time_in(const std::string& text) const {
    if (unit_us_ == 0) return parse_time(std::string_view(text).substr(0, text.find(" UTC")));
    const auto count = whole_number(text);
    return count ? std::optional<Micros>(*count * unit_us_) : std::nullopt;
  }

  std::string name_;
  size_t time_ = 0, type_ = 0, user_ = 0, session_ = 0, product_ = 0, category_ = 0, brand_ = 0, price_ = 0;
  Micros unit_us_ = 0;
};

// zlib's gz functions read plain files just as well.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(gzopen(path.c_str(), "rb")) {
    struct stat about {};
    if (stat(path.c_str(), &about) == 0) bytes_ = about.st_size;
    if (file_) gzbuffer(file_, 256 * 1024);
  }
  ~Lines() {
    if (file_) gzclose(file_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  bool opened() const { return file_ != nullptr; }
  double progress() const {
    return bytes_ > 0 ? static_cast<double>(gzoffset(file_)) / static_cast<double>(bytes_) : 1;
  }

  bool next(std::string& line) {
    line.resize(line_bytes_max);
    if (!gzgets(file_, line.data(), static_cast<int>(line.size()))) return false;
    line.resize(line.find('\0'));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return true;
  }

  // What zlib has to say where reading ended before the file did.
  std::string trouble() const {
    int code = Z_OK;
    const char* text = gzerror(file_, &code);
    return code == Z_OK || code == Z_STREAM_END ? "" : text;
  }

 private:
  gzFile file_;
  int64_t bytes_ = 0;
};

std::string stem_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.find('.'));
}

class CsvSource final : public EventSource {
 public:
  explicit CsvSource(const std::string& path) : path_(path), stem_(stem_of(path)), lines_(path) {}

  Result<> begin() {
    std::string line;
    Fields fields;
    if (!lines_.opened() || !lines_.next(line))
      return Problem(Error::storage_io, path_ + ": cannot be read or is empty");
    split_csv_line(line, fields);
    layout_ = Layout::from(fields);
    if (layout_) return Done{};
    layout_ = Layout::without_header(fields);
    first_ = line;
    if (layout_) return Done{};
    return Problem(Error::invalid_input,
                   path_ + ": its columns are not those of REES46, Taobao or Retailrocket events");
  }

  Result<bool> next(SourceEvent& event) override {
    while (next_line()) {
      split_csv_line(line_, fields_);
      if (layout_->read(fields_, row_)) {
        make_event(event);
        return true;
      }
      ++unreadable_;
    }
    if (const std::string trouble = lines_.trouble(); !trouble.empty())
      return Problem(Error::storage_io, path_ + ": " + trouble);
    return false;
  }

  double progress() const override { return std::min(1.0, lines_.progress()); }

  std::string about() const override {
    return fmt::format("{} events from {}{}", layout_->name(), path_,
                       unreadable_ ? fmt::format(" ({} rows not understood)", unreadable_) : "");
  }

 private:
  bool next_line() {
    ++number_;
    if (first_.empty()) return lines_.next(line_);
    line_ = std::move(first_);
    first_.clear();
    return true;
  }

  // The id is the place in the file: sending a file twice changes nothing.
  void make_event(SourceEvent& event) {
    if (row_.session.empty()) row_.session = cutter_.session_of(row_.user, row_.time);
    EventJson json(fmt::format("{}-{}", stem_, number_), row_.type, row_.time);
    json.text("user_id", row_.user).text("session_id", row_.session).text("cart_id", row_.session);
    json.text("product_id", row_.product).text("category", row_.category).text("brand", row_.brand);
    if (row_.price) json.number("price", *row_.price);
    event = {row_.time, row_.session, json.number("quantity", 1).done()};
  }

  std::string path_, stem_, line_, first_;
  Lines lines_;
  std::optional<Layout> layout_;
  SessionCutter cutter_;
  Fields fields_;
  Row row_;
  uint64_t number_ = 0, unreadable_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventSource>> open_csv(const std::string& path) {
  auto source = std::make_unique<CsvSource>(path);
  TRY_DONE(source->begin());
  return std::unique_ptr<EventSource>(std::move(source));
}

}  // namespace headrace
