#pragma once

#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "base/slab.h"

namespace moe::base {

// A queue of slices: bytes come in at the back and leave at the front, and moving them from one
// buffer to another copies nothing. Value type, owned by one thread at a time.
//
// Slices share their blocks, so one byte may keep a whole block: bytes are copied together when
// more are added and the buffer would keep too much (wasteful).
//
// A buffer that was handed to another thread (a Go filter at work) can be edited there by prepend,
// attach and drainInto, which let go of no block, with foreign slices.
class Buffer {
public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Copies bytes, into the last slice's block where there is room behind it.
  void append(Slab& slab, std::string_view bytes);
  // Small ones may be copied.
  void append(Slice slice);
  // As append, but touches no other block.
  void attach(Slice slice);
  // Bytes that outlive the buffer and everything it is moved to: literals.
  void appendStatic(std::string_view bytes) { append(Slice::fromStatic(bytes)); }
  void prepend(Slice slice);

  // Appends all, or the first n bytes (n <= other.size()), of other, which loses them.
  void moveFrom(Buffer& other);
  void moveFrom(Buffer& other, size_t n);

  // Drops the first n bytes (n <= size()).
  void drain(size_t n);
  // As drain, but whole slices go to `dropped` instead of being released here.
  void drainInto(Buffer& dropped, size_t n);
  void clear();

  // The slices in order. A slice is never empty.
  std::span<const Slice> slices() const {
    return {slices_.data() + first_, slices_.size() - first_};
  }
  std::string_view front() const { return slices_[first_].view(); }
  // Fills iov with up to max entries; returns how many.
  size_t iovecs(struct iovec* iov, size_t max) const;
  // Copies n bytes from offset to out (offset + n <= size()).
  void copyOut(size_t offset, size_t n, char* out) const;
  // Makes the first n bytes one piece and returns them (n <= size()).
  std::string_view linearize(Slab& slab, size_t n);
  std::string toString() const;

private:
  void pushBack(Slice slice);
  void popFront();
  void gather();

  absl::InlinedVector<Slice, 2> slices_;
  uint32_t first_ = 0;
  uint32_t blocks_ = 0; // that the slices keep, at most
  size_t size_ = 0;
  // The two blocks counted last, to compare only: slices of two often take turns.
  const Block* seen_[2] = {nullptr, nullptr};
};

} // namespace moe::base
