#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/buffer.h"

namespace moe::filter {

// Calls f with the bytes of `in` behind the first `seen`, piece by piece, until f returns false;
// counts what f was given in `seen`. So that a filter that waits looks at each byte once.
template <class F> void forNewBytes(const base::Buffer& in, size_t& seen, F&& f) {
  const auto& slices = in.slices();
  auto at = slices.end();
  size_t skip = 0; // of the first slice that has new bytes
  for (size_t wanted = in.size() - seen; wanted > 0;) {
    --at; // from the back: a client may send thousands of single bytes
    skip = at->size > wanted ? at->size - wanted : 0;
    wanted -= std::min(wanted, size_t{at->size});
  }
  for (; at != slices.end(); ++at) {
    const std::string_view piece = at->view().substr(skip);
    skip = 0;
    seen += piece.size();
    if (!f(piece)) {
      return;
    }
  }
}

} // namespace moe::filter
