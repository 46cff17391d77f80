#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/slab.h"
#include "event/loop.h"

namespace moe::event {

// What one thread that serves traffic has to itself. Lives as long as the thread's loop; handed
// down by reference to everything that works there.
struct Worker {
  explicit Worker(uint32_t workerIndex)
      : index(workerIndex), random(base::Random::seedFromSystem()) {}

  uint32_t index; // 0 .. concurrency-1
  base::BlockPool blocks;
  base::Slab slab{blocks};
  base::Random random;
  Loop loop; // Last: what it still holds at its end uses the members above.
};

} // namespace moe::event
