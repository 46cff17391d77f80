#include "base/slab.h"

namespace moe::base {

Slice Slice::foreignCopy(std::string_view bytes) {
  Slice slice;
  slice.block = BlockRef::makeForeign(bytes.size());
  slice.data = slice.block->data();
  slice.size = bytes.size();
  if (!bytes.empty()) {
    std::memcpy(slice.data, bytes.data(), bytes.size());
  }
  slice.block->advance(static_cast<uint32_t>(bytes.size()));
  return slice;
}

std::span<char> Slab::reserve(size_t min) {
  if (!current_ || current_->room() < min) {
    // A block that only the slab still refers to can start over.
    current_.reset();
    current_ = pool_.allocate();
  }
  return {current_->data() + current_->used(), current_->room()};
}

Slice Slab::commit(size_t n) {
  Slice slice{current_, current_->data() + current_->used(), n};
  current_->advance(static_cast<uint32_t>(n));
  return slice;
}

Slice Slab::allocate(size_t n) {
  constexpr size_t payload = Block::kSize - sizeof(Block);
  if (n > payload / 4) {
    Slice slice;
    slice.block = n > payload ? BlockRef::makeForeign(n) : pool_.allocate();
    slice.data = slice.block->data();
    slice.size = n;
    slice.block->advance(static_cast<uint32_t>(n));
    return slice;
  }
  reserve(n);
  return commit(n);
}

Slice Slab::copy(std::string_view bytes) {
  Slice slice = allocate(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(slice.data, bytes.data(), bytes.size());
  }
  return slice;
}

} // namespace moe::base
