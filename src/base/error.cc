// The table of errors as an array, and the text of a problem.
#include "src/base/error.h"

namespace headrace {
namespace {

constexpr ErrorRow table[] = {
#define HEADRACE_ROW(name, code, status, sentence) {#name, code, status, sentence},
    HEADRACE_ERRORS(HEADRACE_ROW)
#undef HEADRACE_ROW
};

}  // namespace

const ErrorRow& row_of(Error error) { return table[static_cast<size_t>(error)]; }

std::string Problem::text() const {
  std::string what = detail.empty() ? std::string(row_of(error).sentence) : detail;
  return field.empty() ? what : field + ": " + what;
}

}  // namespace headrace
