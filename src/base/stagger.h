// stagger: many items through several steps, each item some items behind the next step of the one before it, so that the memory
// which one step asks for is on its way while other items are worked on.
#pragma once

#include <array>
#include <cstddef>

namespace headrace {

// Fills places of `ring` by next(item) until that returns false; then, `stride` items later each time, calls expect(item, step) for
// step 0 to `steps` - 1, and last finish(item). Each is called for the items in order. An item's place is used again after finish().
template <size_t steps, class Item, size_t size, class Next, class Expect, class Finish>
void stagger(std::array<Item, size>& ring, Next next, Expect expect, Finish finish) {
  constexpr size_t stride = size / (steps + 1);
  static_assert(stride > 0);
  bool more = true;
  size_t read = 0;
  auto due = [&](size_t turn, size_t behind) { return turn >= behind && turn - behind < read; };
  for (size_t turn = 0; more || turn < read + (steps + 1) * stride; ++turn) {
    if (due(turn, (steps + 1) * stride)) finish(ring[(turn - (steps + 1) * stride) % size]);
    for (size_t step = steps; step > 0; --step)
      if (due(turn, step * stride)) expect(ring[(turn - step * stride) % size], step - 1);
    if (more && (more = next(ring[read % size]))) ++read;
  }
}

}  // namespace headrace
