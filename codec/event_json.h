// Events as producers send them: one JSON object, a JSON array, {"events": [...]} or one object per line.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "codec/event.h"
#include "src/base/result.h"

namespace headrace {

class JsonWalk;

// What a message of a stream says beside its events.
struct StreamMessage {
  std::string id;                           // of the message, as JSON text; empty: none
  std::string_view subscribe, unsubscribe;  // the members of these names, as JSON text; good until the next read
};

// What a producer sent: events, in order, each with its own verdict. Reused between requests, so that its
// memory is.
class EventBatch {
 public:
  struct Entry {
    Event event;       // valid where `problem` is none; views live as long as the batch, until the next read
    int problem = -1;  // index into `problems`, or -1
    bool has_id = false;  // otherwise the server gives one
    bool has_time = false;
    uint32_t first_member = 0, member_count = 0;  // in `members_`, of the event's data
  };

  // Reads a body that holds exactly one event.
  Result<> read_one(std::string_view body);

  // Reads a body of many. Malformed JSON in an array is a problem of the whole body; what is wrong with one
  // event, or with one line of NDJSON, is the problem of that entry.
  Result<> read_array(std::string_view body);
  Result<> read_lines(std::string_view body);

  // Reads a message of a stream: one event, an array, {"events": [...]}, or a request ({"subscribe": ...} or
  // {"unsubscribe": ...}, and then there are no entries); an object may have an "id" beside these. `message` has what was
  // read of it also where there is a problem.
  Result<> read_message(std::string_view text, StreamMessage& message);

  std::vector<Entry>& entries() { return entries_; }
  // Keeps a text as long as the entries.
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  const Problem& problem_of(const Entry& entry) const {
    return problems_[static_cast<size_t>(entry.problem)];
  }
  // The memory it keeps for the next read, about.
  size_t kept_bytes() const {
    return padded_.capacity() + entries_.capacity() * sizeof(Entry) + members_.capacity() * sizeof(EventMember) +
           problems_.capacity() * sizeof(Problem);
  }

 private:
  friend class EventReader;
  std::string_view begin(std::string_view body);
  void hand_out_members();
  int add(Problem problem);
  void mask(std::string_view data);  // of padded_
  bool read_elements(JsonWalk& walk);
  Result<> read_message_object(JsonWalk& walk, StreamMessage& message);
  bool read_some_lines(std::string_view text);
  bool read_line(JsonWalk& walk, bool opened, Entry& entry);

  std::vector<Entry> entries_;
  std::vector<EventMember> members_;
  std::vector<Problem> problems_;
  std::deque<std::string> texts_;  // strings that had escapes, and ids that were given
  std::string padded_;             // the body
};

}  // namespace headrace
