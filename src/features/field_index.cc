// An event becomes an observation: its type, its fields, the clauses it matches.
#include "src/features/field_index.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/features/bits.h"
#include "src/features/field_scan.h"
#include "src/features/field_table.h"

namespace headrace::features {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view without_space(std::string_view token) {
  size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == token.npos ? 0 : last + 1);
}

void take_value(ondemand::value value, const FieldTable::Slots& slots, Observation& seen) {
  ondemand::json_type type;
  if (value.type().get(type)) return;
  std::string_view token = without_space(value.raw_json_token());
  std::string_view text;
  double number = 0;
  bool truth = false;
  if (type == ondemand::json_type::string && !value.get_string().get(text)) {
    take_text(slots, text, seen);
  } else if (type == ondemand::json_type::number && !value.get_double().get(number) &&
             std::isfinite(number)) {
    take_number(slots, number, token, seen);
  } else if (type == ondemand::json_type::boolean && !value.get_bool().get(truth)) {
    take_number(slots, truth, token, seen);
  }
}

}  // namespace

struct FieldIndex::Parser {
  explicit Parser(const Plan& plan) : table(plan) {}

  void parse(std::string_view data, Observation& seen);

  FieldTable table;
  std::string padded;
  ondemand::parser parser;
};

// For objects with escapes in them.
void FieldIndex::Parser::parse(std::string_view data, Observation& seen) {
  padded.resize(std::max(padded.size(), data.size() + simdjson::SIMDJSON_PADDING));
  std::memcpy(padded.data(), data.data(), data.size());
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(padded.data(), data.size(), padded.size()).get(document)) return;
  if (document.get_object().get(object)) return;
  for (auto entry : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(entry).get(field) || field.unescaped_key().get(key)) return;
    if (const FieldTable::Slots* slots = table.find(key)) take_value(field.value(), *slots, seen);
  }
}

FieldIndex::FieldIndex(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), parser_(std::make_unique<Parser>(*plan_)) {}

FieldIndex::~FieldIndex() = default;
FieldIndex::FieldIndex(FieldIndex&&) noexcept = default;
FieldIndex& FieldIndex::operator=(FieldIndex&&) noexcept = default;

void FieldIndex::extract(const Event& event, Observation& seen) {
  if (event.members.empty()) {
    extract_fields(event.data, seen);
  } else {
    seen = plan_->blank();
    take_members(event.members, parser_->table, seen);
  }
  seen.time = within_time(event.time);
  seen.type = event.type;
  seen.type_spelling = plan_->type_spelling(event.type);
  seen.type_code = plan_->type_code(seen.type_spelling);
  seen.matched = plan_->match(seen.type_code, seen.identity);
}

void FieldIndex::extract_fields(std::string_view data, Observation& seen) {
  seen = plan_->blank();
  if (parser_->table.empty() || data.empty() || data.size() > limits::event_bytes_max) return;
  if (scan_fields(data, parser_->table, seen)) return;
  seen = plan_->blank();
  parser_->parse(data, seen);
}

}  // namespace headrace::features
