// Result<T>: a value or a Problem. The only way an operation of ours says that it did not work.
#pragma once

#include <utility>
#include <variant>

#include "src/base/check.h"
#include "src/base/error.h"

namespace headrace {

struct Done {};  // the value of an operation that has nothing to return

template <class T = Done>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT: implicit by design
  Result(Problem problem) : state_(std::in_place_index<1>, std::move(problem)) {}  // NOLINT
  Result(Error error) : Result(Problem(error)) {}                                  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() { CHECK(ok()); return *std::get_if<0>(&state_); }
  const T& operator*() const { CHECK(ok()); return *std::get_if<0>(&state_); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

  const Problem& problem() const { CHECK(!ok()); return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Problem> state_;
};

}  // namespace headrace

// Returns the problem of `expression` from the calling function, if it has one.
#define TRY_DONE(expression) \
  if (auto tried_ = (expression); !tried_.ok()) return tried_.problem()
// The same in a coroutine.
#define CO_TRY_DONE(expression) \
  if (auto tried_ = (expression); !tried_.ok()) co_return tried_.problem()
