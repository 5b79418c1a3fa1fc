// stagger: many items through several steps, each item some items behind the next step of the one before it, so that the memory
// which one step asks for is on its way while other items are worked on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace headrace {

// Fills places of `ring` by next(item) until that returns false; then, `stride` items later each time, calls expect(item, step) for
// step 0 to `steps` - 1, and last finish(item). Each is called for the items in order. An item's place is used again after finish().
// Those under way when there are no more go through what is left step by step, all of them together.
template <size_t steps, class Item, size_t size, class Next, class Expect, class Finish>
void stagger(std::array<Item, size>& ring, Next next, Expect expect, Finish finish) {
  constexpr size_t stride = size / (steps + 1);
  static_assert(stride > 0);
  // Of the items 0 to `read` - 1 those before first_at(step) have taken that step.
  size_t read = 0;
  auto first_at = [&](size_t step) { return read - std::min(read, (step + 1) * stride); };
  for (; next(ring[read % size]); ++read) {
    for (size_t step = 0; step < steps; ++step)
      if (read >= (step + 1) * stride) expect(ring[first_at(step) % size], step);
    // It gives its place to the one that comes next.
    if (read + 1 >= (steps + 1) * stride) finish(ring[(read + 1 - (steps + 1) * stride) % size]);
  }
  for (size_t step = 0; step < steps; ++step)
    for (size_t i = first_at(step); i < read; ++i) expect(ring[i % size], step);
  for (size_t i = read - std::min(read, (steps + 1) * stride - 1); i < read; ++i) finish(ring[i % size]);
}

}  // namespace headrace
