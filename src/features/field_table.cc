// Building the table from the plan's fields and their synonyms.
#include "src/features/field_table.h"

#include "src/features/words.h"

namespace headrace::features {

FieldTable::FieldTable(const Plan& plan) {
  for (const Field& field : plan.fields()) {
    add(field.name, field);
    for (const Synonym& synonym : field_synonyms()) {
      if (synonym.meant == field.name) add(synonym.said, field);
    }
  }
}

void FieldTable::add(std::string_view name, const Field& field) {
  spellings_.add(name);
  slots_.push_back({field.number, field.identity});
}

void take_text(const FieldTable::Slots& slots, std::string_view text, Observation& seen) {
  if (slots.identity != 0) seen.identity[slots.identity] = identity_of(text);
}

void take_number(const FieldTable::Slots& slots, double value, std::string_view token, Observation& seen) {
  if (slots.number != 0) seen.number[slots.number] = value;
  if (slots.identity != 0) seen.identity[slots.identity] = identity_of(token);
}

}  // namespace headrace::features
