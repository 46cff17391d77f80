#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace moe::base {

class BlockPool;

// A reference-counted run of bytes that network reads, headers and bodies point into.
//
// The count is a plain integer: a block is touched by one thread at a time, normally the worker
// whose pool made it. A block made by makeForeign() belongs to no pool and may be created on any
// thread; handing it to a worker needs the usual happens-before of a posted closure.
class alignas(16) Block {
public:
  static constexpr uint32_t kSize = 16 * 1024; // of a pooled block, with its head

  char* data() { return reinterpret_cast<char*>(this) + sizeof(Block); }
  uint32_t capacity() const { return capacity_; }
  // Bytes handed out so far. Nobody writes below this mark; whoever advances it owns the new bytes.
  uint32_t used() const { return used_; }
  uint32_t room() const { return capacity_ - used_; }
  void advance(uint32_t n) { used_ += n; }

private:
  friend class BlockPool;
  friend class BlockRef;
  friend Block* makeForeignBlock(size_t capacity);

  Block(BlockPool* pool, uint32_t capacity) : pool_(pool), capacity_(capacity) {}

  BlockPool* pool_;
  uint32_t refs_ = 1;
  uint32_t capacity_;
  uint32_t used_ = 0;
};

// Whether blocks are more than the bytes wanted of them are worth: a few, and four times the bytes.
constexpr bool wasteful(size_t blocks, size_t bytes) {
  return blocks > 4 + bytes / (Block::kSize / 4);
}

// Owning handle of a Block.
class BlockRef {
public:
  BlockRef() = default;
  // Takes over a reference the caller holds.
  explicit BlockRef(Block* adopted) : block_(adopted) {}
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) {
      ++block_->refs_;
    }
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(const BlockRef& other) {
    BlockRef copy(other);
    std::swap(block_, copy.block_);
    return *this;
  }
  BlockRef& operator=(BlockRef&& other) noexcept {
    if (this != &other) {
      reset();
      block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
  }
  ~BlockRef() { reset(); }

  // A block of its own, outside every pool; any thread. Capacity in bytes.
  static BlockRef makeForeign(size_t capacity);

  // A block with nothing in it, from where this one came; on this one's thread. Not for null.
  BlockRef another() const;

  void reset() {
    if (block_ != nullptr && --block_->refs_ == 0) {
      release(block_);
    }
    block_ = nullptr;
  }
  Block* get() const { return block_; }
  Block* operator->() const { return block_; }
  explicit operator bool() const { return block_ != nullptr; }
  bool unique() const { return block_ != nullptr && block_->refs_ == 1; }
  friend bool operator==(const BlockRef& a, const BlockRef& b) { return a.block_ == b.block_; }

private:
  static void release(Block* block);
  Block* block_ = nullptr;
};

// Keeps freed blocks of Block::kSize for reuse. One per worker; not thread-safe; outlives its
// blocks.
class BlockPool {
public:
  // maxIdle: blocks kept when free; more are given back to the system.
  explicit BlockPool(size_t maxIdle = 256) : maxIdle_(maxIdle) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  BlockRef allocate();
  // Blocks out of the pool now, for memory accounting.
  size_t inUse() const { return inUse_; }
  size_t idle() const { return idle_.size(); }

private:
  friend class BlockRef;
  void put(Block* block);

  size_t maxIdle_;
  size_t inUse_ = 0;
  std::vector<Block*> idle_;
};

} // namespace moe::base
