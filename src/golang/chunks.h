#pragma once

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "base/buffer.h"

namespace moe::golang {

// The part of a body that Go has been given, or has added, and that the next filter has not: one
// chunk for each data call, in the order of the stream. A handle is never used again, so that a
// buffer which a Go filter has kept for too long finds nothing, instead of another call's bytes.
class Chunks {
public:
  static constexpr uint64_t kAdded = 0; // by AddData: Go has no handle of it

  void push(uint64_t handle, base::Buffer& bytes) {
    chunks_.emplace_back();
    chunks_.back().handle = handle;
    chunks_.back().bytes.moveFrom(bytes);
  }
  // Null if it has passed, or was dropped.
  base::Buffer* find(uint64_t handle) {
    for (Chunk& chunk : chunks_) {
      if (chunk.handle == handle && handle != kAdded) {
        return &chunk.bytes;
      }
    }
    return nullptr;
  }
  void drop(uint64_t handle) {
    for (auto at = chunks_.begin(); at != chunks_.end(); ++at) {
      if (at->handle == handle) {
        chunks_.erase(at);
        return;
      }
    }
  }
  void moveAllTo(base::Buffer& out) {
    for (Chunk& chunk : chunks_) {
      out.moveFrom(chunk.bytes);
    }
    chunks_.clear();
  }
  size_t size() const {
    size_t bytes = 0;
    for (const Chunk& chunk : chunks_) {
      bytes += chunk.bytes.size();
    }
    return bytes;
  }
  void clear() { chunks_.clear(); }

private:
  struct Chunk {
    uint64_t handle = kAdded;
    base::Buffer bytes;
  };
  absl::InlinedVector<Chunk, 1> chunks_; // more than one only while a filter waits for more
};

} // namespace moe::golang
