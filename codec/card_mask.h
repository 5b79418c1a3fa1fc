// Card numbers and security codes in what producers send: masked before a record is made, so that no file ever holds them.
//
// A card number is what has the prefix and length of a brand and a valid check digit (ISO/IEC 7812-1, Annex B: Luhn), grouped or
// not, anywhere in a string or as a number; or 12 to 19 digits under a name that says it is one. Of it the last four digits stay. A
// security code is three or four digits under a name that says so; nothing of it stays. Values of names that end with "id" are left as
// they are: they are keys of somebody. Digits written as escapes (\u0034) are not seen. Lengths do not change: digits become '*', a
// number becomes a string of as many bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace headrace {

// Could there be a card number in it? False is certain; meant for every event, at some bytes per cycle. Behind the text
// limits::padding_bytes are readable.
bool may_hold_card(std::string_view json);

// Is that the name of a card number or a security code?
bool names_card_data(std::string_view key);

// Masks them in a valid JSON text, in place. False where there was none.
bool mask_cards(char* json, size_t size);

}  // namespace headrace
