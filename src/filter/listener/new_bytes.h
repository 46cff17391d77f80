#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/buffer.h"

namespace moe::filter {

// Calls f with the bytes of `in` behind the first `seen`, piece by piece, until f returns false;
// counts what f was given in `seen`. So that a filter that waits looks at each byte once.
template <class F> void forNewBytes(const base::Buffer& in, size_t& seen, F&& f) {
  size_t skip = seen;
  for (const base::Slice& slice : in.slices()) {
    if (skip >= slice.size) {
      skip -= slice.size;
      continue;
    }
    const std::string_view piece = slice.view().substr(skip);
    skip = 0;
    seen += piece.size();
    if (!f(piece)) {
      return;
    }
  }
}

} // namespace moe::filter
