// Building the table from the plan's fields and their synonyms.
#include "src/features/field_table.h"

#include <bit>
#include <limits>

#include "src/base/check.h"
#include "src/features/words.h"

namespace headrace::features {

FieldTable::FieldTable(const Plan& plan) {
  blank_.number.fill(std::numeric_limits<double>::quiet_NaN());
  blank_.number[0] = 1;
  for (const Field& field : plan.fields()) {
    if (field.number != 0) blank_.number[field.number] = field.otherwise;
    add(field.name, field);
    for (const Synonym& synonym : field_synonyms()) {
      if (synonym.meant == field.name) add(synonym.said, field);
    }
  }
}

void FieldTable::add(std::string_view name, const Field& field) {
  CHECK(spellings_.size() < 64);
  buckets_[bucket_of(name)] |= uint64_t{1} << spellings_.size();
  spellings_.push_back({std::string(name), {field.number, field.identity}});
}

const FieldTable::Slots* FieldTable::find_among(uint64_t left, std::string_view name) const {
  for (; left != 0; left &= left - 1) {
    const Spelling& spelling = spellings_[static_cast<size_t>(std::countr_zero(left))];
    if (spelling.name == name) return &spelling.slots;
  }
  return nullptr;
}

void take_text(const FieldTable::Slots& slots, std::string_view text, Observation& seen) {
  if (slots.identity != 0) seen.identity[slots.identity] = identity_of(text);
}

void take_number(const FieldTable::Slots& slots, double value, std::string_view token, Observation& seen) {
  if (slots.number != 0) seen.number[slots.number] = value;
  if (slots.identity != 0) seen.identity[slots.identity] = identity_of(token);
}

}  // namespace headrace::features
