// Answer<T>: what comes back from a function run elsewhere (another loop, a worker): its value, or a refusal.
#pragma once

#include <type_traits>
#include <utility>

#include "src/base/result.h"
#include "src/runtime/task.h"

namespace headrace {
namespace detail {

template <class T>
struct AnswerOf {
  using Type = Result<T>;
};
template <>
struct AnswerOf<void> {
  using Type = Result<Done>;
};
template <class T>
struct AnswerOf<Result<T>> {
  using Type = Result<T>;
};

template <class T>
struct AwaitedOf {
  using Type = T;
  static constexpr bool is_task = false;
};
template <class T>
struct AwaitedOf<Task<T>> {
  using Type = T;
  static constexpr bool is_task = true;
};

}  // namespace detail

// Result<T> stays Result<T>, void becomes Result<Done>, any other T becomes Result<T>.
template <class T>
using Answer = typename detail::AnswerOf<T>::Type;

// Calls `call` and wraps what it returns.
template <class Call>
auto answer_of(Call&& call) -> Answer<std::invoke_result_t<Call>> {
  if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
    std::forward<Call>(call)();
    return Done{};
  } else {
    return std::forward<Call>(call)();
  }
}

}  // namespace headrace
