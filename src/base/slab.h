#pragma once

#include <cstring>
#include <span>
#include <string_view>

#include "base/block.h"

namespace moe::base {

// Some bytes and the block that keeps them alive. A slice without a block points at bytes that
// outlive every user (string literals).
struct Slice {
  BlockRef block;
  char* data = nullptr;
  size_t size = 0;

  std::string_view view() const { return {data, size}; }
  static Slice fromStatic(std::string_view bytes) {
    return {BlockRef(), const_cast<char*>(bytes.data()), bytes.size()};
  }
  // Copies bytes to a block of their own; any thread.
  static Slice foreignCopy(std::string_view bytes);
};

// Hands out consecutive bytes of pooled blocks: reads, header values and small body pieces of all
// connections of one worker share blocks, so an idle connection holds no buffer at all.
// One per worker; not thread-safe.
class Slab {
public:
  explicit Slab(BlockPool& pool) : pool_(pool) {}

  // At least `min` writable bytes (min <= a block's payload); valid until the next call here.
  std::span<char> reserve(size_t min);
  // Takes the first n bytes of the last reservation.
  Slice commit(size_t n);
  // Copies bytes of any length into the slab or, if large, into a block of their own.
  Slice copy(std::string_view bytes);
  // Uninitialised bytes in one piece.
  Slice allocate(size_t n);

  BlockPool& pool() { return pool_; }
  // The block that the next commit comes from.
  const BlockRef& current() const { return current_; }

private:
  BlockPool& pool_;
  BlockRef current_;
};

} // namespace moe::base
