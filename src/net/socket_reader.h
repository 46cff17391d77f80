#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/buffer.h"

namespace moe::net {

// Reads a stream socket into a worker's slab, with as much room as the last reads have made use of.
class SocketReader {
public:
  // One system call; appends what came to `in`. As recv(2): bytes, 0 at the end, -1 and errno.
  ssize_t read(int fd, base::Slab& slab, base::Buffer& in);

private:
  uint32_t size_ = 4096; // grows while reads fill it
};

} // namespace moe::net
