// handler<function>: turns a plain function or coroutine into the data of a route row. Its signature says the
// rest:
//
//   Result<Out> f(Call&, const In&)      Task<Result<Out>> f(Call&, In)      In from path, query and body
//   Result<Out> f(Call&)                 Task<Result<Out>> f(Call&)          no input, or the body read by
//   itself
//
// Out is a struct with a shape, Written<that struct>, or Page for an answer that is no JSON of ours.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "codec/json.h"
#include "routes/kit/call.h"
#include "src/runtime/task.h"

namespace headrace {

// An answer as it is: text, CSV, HTML, or JSON that was written by hand for speed.
struct Page {
  std::string content;
  std::string_view content_type = "application/json";
  int status = 0;  // 0: the row's
};

// Fills the input of a handler from path, query (GET, HEAD, DELETE) or body, and checks every rule.
Result<> read_input(const Call& call, const TypeInfo& type, void* input);
// ...and holds what the row permits against it.
Result<> read_permitted(const Call& call, const TypeInfo& type, void* input);

namespace detail {

// Where answers are written on the loop of `call`; kept, since its memory is.
std::string& scratch_body(Call& call);

template <class T>
struct Unwrap;
template <class T>
struct Unwrap<Result<T>> {
  using Out = T;
  static constexpr bool waits = false;
};
template <class T>
struct Unwrap<Task<Result<T>>> {
  using Out = T;
  static constexpr bool waits = true;
};

template <class F>
struct Signature;
template <class R>
struct Signature<R (*)(Call&)> : Unwrap<R> {
  using In = void;
};
template <class R, class I>
struct Signature<R (*)(Call&, I)> : Unwrap<R> {
  using In = std::remove_cvref_t<I>;
};

// The name behind the last "::" of what the compiler calls F.
template <auto F>
consteval std::string_view function_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("F = ") + 4);
  text = text.substr(0, text.find_first_of(";]"));
  if (size_t colons = text.rfind("::"); colons != text.npos) text.remove_prefix(colons + 2);
  if (size_t end = text.find_first_of("(&"); end != text.npos && end > 0) text = text.substr(0, end);
  return text;
}

template <class T>
inline constexpr bool is_written = false;
template <class T>
inline constexpr bool is_written<Written<T>> = true;

template <class Out>
void finish(Call& call, Result<Out>&& result) {
  if (!result.ok()) return call.answer_problem(result.problem());
  if constexpr (std::is_same_v<Out, Page>) {
    Page& page = *result;
    call.answer(page.status ? page.status : call.route->policy.status, page.content_type, page.content);
  } else if constexpr (is_written<Out>) {
    call.answer(call.route->policy.status, "application/json", result->text);
  } else {
    std::string& body = scratch_body(call);
    body.clear();
    write_json(type_of<Out>(), &*result, body);
    call.answer(call.route->policy.status, "application/json", body);
  }
}

template <auto F>
Task<void> run_waiting(Call& call) {
  using S = Signature<decltype(F)>;
  if constexpr (std::is_void_v<typename S::In>) {
    finish(call, co_await F(call));
  } else {
    typename S::In input{};
    Result<> read = read_permitted(call, type_of<typename S::In>(), &input);
    if (!read.ok()) {
      call.answer_problem(read.problem());
      co_return;
    }
    if (call.keyed && !co_await claim(call)) co_return;
    finish(call, co_await F(call, std::move(input)));
  }
}

template <auto F>
void run(Call& call) {
  using S = Signature<decltype(F)>;
  if constexpr (S::waits) {
    spawn(run_waiting<F>(call));
  } else if constexpr (std::is_void_v<typename S::In>) {
    finish(call, F(call));
  } else {
    typename S::In input{};
    if (Result<> read = read_permitted(call, type_of<typename S::In>(), &input); !read.ok())
      return call.answer_problem(read.problem());
    finish(call, F(call, input));
  }
}

template <class T>
consteval std::string_view name_or_none() {
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return type_name<T>();
}

template <class T>
constexpr const TypeInfo* shape_or_null() {
  if constexpr (std::is_void_v<T> || std::is_same_v<T, Page>)
    return nullptr;
  else
    return &type_of<T>();
}

}  // namespace detail

template <auto F>
inline constexpr Handler handler{
    .name = detail::function_name<F>(),
    .takes_input = !std::is_void_v<typename detail::Signature<decltype(F)>::In>,
    .in = detail::shape_or_null<typename detail::Signature<decltype(F)>::In>(),
    .input = detail::name_or_none<typename detail::Signature<decltype(F)>::In>(),
    .out = detail::shape_or_null<typename detail::Signature<decltype(F)>::Out>(),
    .run = detail::run<F>,
    .waits = detail::Signature<decltype(F)>::waits,
};

}  // namespace headrace
