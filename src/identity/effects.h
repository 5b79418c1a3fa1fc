// What a decision of identity is given and what it leads to. Every `decide_...` is a function of the documents, the wish
// and the stamp alone; it returns what to answer and adds to the effects what is to happen. Effects of a refusal (a
// family of tokens revoked, an event of the audit) happen as well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/random.h"
#include "src/base/time.h"
#include "src/identity/credentials.h"
#include "src/identity/documents.h"
#include "storage/change.h"

namespace headrace {

// The only door for time, identity and chance.
struct Stamp {
  Micros now;
  Random& random;
  Micros access_us, refresh_us;  // how long tokens are good
  size_t keys;                   // API keys that there are

  std::string uuid() const { return make_uuid(random); }
  std::string id() const;  // 16 hexadecimal digits, not all of them 0
};

struct Effects {
  Change change;
  std::vector<CredentialUpdate> updates;

  template <class T>
  void put(uint8_t table, std::string_view key, const T& document) {
    change.put(table, key, to_json(document));
  }
  void erase(uint8_t table, std::string_view key) { change.erase(table, key); }
  // An event of the audit: what happened to the account (a UUID; empty: of the platform). `data` is a JSON object, without
  // secrets.
  void record(const Stamp& stamp, std::string_view type, std::string_view account, std::string_view data = "{}");

  void tell(CredentialUpdate::Kind kind, uint64_t id, uint32_t version = 0, Micros until = 0);
};

// For the data of events: {"name":"value",...} with the values escaped.
std::string object_of(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

uint64_t number_of_id(std::string_view hex);   // of an id of 16 hexadecimal digits; 0 where it is none
std::string id_of_number(uint64_t number);
std::string lower_case(std::string_view text);  // ASCII

}  // namespace headrace
