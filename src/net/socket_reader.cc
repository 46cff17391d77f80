#include "net/socket_reader.h"

#include <sys/socket.h>

#include <algorithm>

namespace moe::net {
namespace {

constexpr uint32_t kMinRead = 2048;
constexpr uint32_t kMaxRead = 64 * 1024;

} // namespace

ssize_t SocketReader::read(int fd, base::Slab& slab, base::Buffer& in) {
  ssize_t n = 0;
  size_t asked = 0;
  if (size_ <= base::Block::kSize) {
    const std::span<char> room = slab.reserve(kMinRead);
    asked = room.size();
    n = ::recv(fd, room.data(), room.size(), 0);
    if (n > 0) {
      in.append(slab.commit(static_cast<size_t>(n)));
    }
  } else {
    // A sender of large bodies: fill several blocks with one call.
    constexpr size_t kBlocks = kMaxRead / base::Block::kSize;
    base::BlockRef blocks[kBlocks];
    iovec iov[kBlocks];
    for (size_t i = 0; i < kBlocks; ++i) {
      blocks[i] = slab.pool().allocate();
      iov[i] = {blocks[i]->data(), blocks[i]->capacity()};
      asked += iov[i].iov_len;
    }
    n = ::readv(fd, iov, kBlocks);
    for (size_t i = 0, left = n > 0 ? static_cast<size_t>(n) : 0; left > 0; ++i) {
      const size_t take = std::min<size_t>(left, iov[i].iov_len);
      blocks[i]->advance(static_cast<uint32_t>(take));
      in.append(base::Slice{std::move(blocks[i]), static_cast<char*>(iov[i].iov_base), take});
      left -= take;
    }
  }
  if (n > 0) {
    size_ = static_cast<size_t>(n) == asked ? std::min(kMaxRead, size_ * 2)
                                            : std::max(kMinRead, size_ / 2);
  }
  return n;
}

} // namespace moe::net
