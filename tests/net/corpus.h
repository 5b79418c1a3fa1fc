// Malformed, hostile and borderline requests, and how each must be answered.
#pragma once

#include <string>
#include <vector>

namespace headrace {

struct CorpusCase {
  std::string name;
  std::string bytes;
  // Statuses of all answers until the end, e.g. "200 400". Empty: closed without an answer (never complete).
  std::string answers;
};

// Answered by a handler that says 200 to everything and takes bodies of 1,000,000 bytes, of 10 on /small.
const std::vector<CorpusCase>& http_corpus();

}  // namespace headrace
