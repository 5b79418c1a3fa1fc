// One pass of simdjson's on-demand parser over the data of an event, taking the wanted fields as they come
// by.
#include "src/features/field_index.h"

#include <simdjson.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "src/features/bits.h"
#include "src/features/words.h"

namespace headrace::features {
namespace {

namespace ondemand = simdjson::ondemand;

// One spelling of a wanted field; names begin where keys do and end with the closing quote.
struct Spelling {
  std::string quoted;  // price"
  uint8_t number = 0, identity = 0;
};

size_t bucket_of(const char* key) {
  auto two =
      load<uint16_t>(key);  // the closing quote at the latest is the second character of any non-empty key
  return (two * 0x9E3779B1U) >> 26;
}

std::string_view without_space(std::string_view token) {
  size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == token.npos ? 0 : last + 1);
}

}  // namespace

struct FieldIndex::Parser {
  std::vector<Spelling> spellings;
  std::array<uint64_t, 64> buckets{};  // by the first two characters of a key: which spellings to compare
  Observation blank;                   // an event without any field
  std::string padded;
  ondemand::parser parser;

  explicit Parser(const Plan& plan);
  void add(std::string_view name, const Field& field);
  const Spelling* find(const char* key) const;
  const Spelling* find(std::string_view key) const;
  void take(ondemand::field field, bool escapes, Observation& seen);
  void take_value(ondemand::value value, const Spelling& wanted, bool escapes, Observation& seen);
};

FieldIndex::Parser::Parser(const Plan& plan) {
  blank.number.fill(std::numeric_limits<double>::quiet_NaN());
  blank.number[0] = 1;
  for (const Field& field : plan.fields()) {
    if (field.number != 0) blank.number[field.number] = field.otherwise;
    add(field.name, field);
    for (const Synonym& synonym : field_synonyms()) {
      if (synonym.meant == field.name) add(synonym.said, field);
    }
  }
}

void FieldIndex::Parser::add(std::string_view name, const Field& field) {
  spellings.push_back({std::string(name) + '"', field.number, field.identity});
  buckets[bucket_of(spellings.back().quoted.data())] |= uint64_t{1} << (spellings.size() - 1);
}

// `key` lies in the padded text, so that comparing past its end reads padding at worst.
const Spelling* FieldIndex::Parser::find(const char* key) const {
  for (uint64_t left = buckets[bucket_of(key)]; left != 0; left &= left - 1) {
    const Spelling& spelling = spellings[static_cast<size_t>(std::countr_zero(left))];
    if (std::memcmp(key, spelling.quoted.data(), spelling.quoted.size()) == 0) return &spelling;
  }
  return nullptr;
}

const Spelling* FieldIndex::Parser::find(std::string_view key) const {
  for (const Spelling& spelling : spellings) {
    if (spelling.quoted.size() == key.size() + 1 && spelling.quoted.starts_with(key)) return &spelling;
  }
  return nullptr;
}

void FieldIndex::Parser::take(ondemand::field field, bool escapes, Observation& seen) {
  const Spelling* wanted = nullptr;
  if (!escapes) {
    wanted = find(field.key().raw());
  } else if (std::string_view key; !field.unescaped_key().get(key)) {
    wanted = find(key);
  }
  if (wanted != nullptr) take_value(field.value(), *wanted, escapes, seen);
}

void FieldIndex::Parser::take_value(ondemand::value value, const Spelling& wanted, bool escapes,
                                    Observation& seen) {
  ondemand::json_type type;
  if (value.type().get(type)) return;
  std::string_view token = without_space(value.raw_json_token());
  if (type == ondemand::json_type::string) {
    if (wanted.identity == 0) return;
    std::string_view text = token.substr(1, token.size() - 2);
    if (escapes && value.get_string().get(text)) return;
    seen.identity[wanted.identity] = identity_of(text);
    return;
  }
  double number = 0;
  bool truth = false;
  if (type == ondemand::json_type::number) {
    if (value.get_double().get(number) || !std::isfinite(number)) return;
  } else if (type == ondemand::json_type::boolean) {
    if (value.get_bool().get(truth)) return;
    number = truth;
  } else {
    return;
  }
  if (wanted.number != 0) seen.number[wanted.number] = number;
  if (wanted.identity != 0) seen.identity[wanted.identity] = identity_of(token);
}

FieldIndex::FieldIndex(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), parser_(std::make_unique<Parser>(*plan_)) {}

FieldIndex::~FieldIndex() = default;
FieldIndex::FieldIndex(FieldIndex&&) noexcept = default;

void FieldIndex::extract(const Event& event, Observation& seen) {
  seen = parser_->blank;
  seen.time = within_time(event.time);
  seen.type = event.type;
  seen.type_code = plan_->type_code(event.type);
  extract_fields(event.data, seen);
  seen.matched = plan_->match(seen.type_code, seen.identity);
}

void FieldIndex::extract_fields(std::string_view data, Observation& seen) {
  Parser& p = *parser_;
  if (p.spellings.empty() || data.size() > limits::event_bytes_max) return;
  p.padded.resize(
      std::max(p.padded.size(), data.size() + simdjson::SIMDJSON_PADDING + limits::feature_name_bytes_max));
  std::memcpy(p.padded.data(), data.data(), data.size());
  bool escapes = std::memchr(data.data(), '\\', data.size()) != nullptr;
  ondemand::document document;
  if (p.parser.iterate(p.padded.data(), data.size(), p.padded.size()).get(document)) return;
  ondemand::object object;
  if (document.get_object().get(object)) return;
  for (auto entry : object) {
    ondemand::field field;
    if (std::move(entry).get(field)) return;
    p.take(std::move(field), escapes, seen);
  }
}

}  // namespace headrace::features
