#include "base/block.h"

#include <cstdlib>
#include <new>

namespace moe::base {
namespace {

// The header and the payload lie in one allocation, so that a reference costs one pointer.
void* allocateBytes(size_t payload) {
  void* memory = std::malloc(sizeof(Block) + payload);
  if (memory == nullptr) {
    std::abort(); // Out of memory: nothing on the request path can go on.
  }
  return memory;
}

} // namespace

Block* makeForeignBlock(size_t capacity) {
  return ::new (allocateBytes(capacity)) Block(nullptr, static_cast<uint32_t>(capacity));
}

BlockRef BlockRef::makeForeign(size_t capacity) { return BlockRef(makeForeignBlock(capacity)); }

BlockRef BlockRef::another() const {
  return block_->pool_ != nullptr ? block_->pool_->allocate()
                                  : makeForeign(Block::kSize - sizeof(Block));
}

void BlockRef::release(Block* block) {
  if (block->pool_ != nullptr) {
    block->pool_->put(block);
  } else {
    std::free(block);
  }
}

BlockPool::~BlockPool() {
  for (Block* block : idle_) {
    std::free(block);
  }
}

BlockRef BlockPool::allocate() {
  ++inUse_;
  if (!idle_.empty()) {
    Block* block = idle_.back();
    idle_.pop_back();
    block->refs_ = 1;
    block->used_ = 0;
    return BlockRef(block);
  }
  constexpr size_t payload = Block::kSize - sizeof(Block);
  return BlockRef(::new (allocateBytes(payload)) Block(this, payload));
}

void BlockPool::put(Block* block) {
  --inUse_;
  if (idle_.size() < maxIdle_) {
    idle_.push_back(block);
  } else {
    std::free(block);
  }
}

} // namespace moe::base
