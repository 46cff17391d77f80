#include "base/buffer.h"

#include <algorithm>
#include <cstring>

namespace moe::base {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    slices_ = std::move(other.slices_);
    first_ = std::exchange(other.first_, 0);
    size_ = std::exchange(other.size_, 0);
    other.slices_.clear();
  }
  return *this;
}

void Buffer::append(Slab& slab, std::string_view bytes) {
  if (bytes.empty()) {
    return;
  }
  if (size_ != 0) {
    Slice& last = slices_.back();
    // Only the slab's current block may grow: its owner is this thread.
    if (last.block && last.block == slab.current() &&
        last.data + last.size == last.block->data() + last.block->used() &&
        last.block->room() >= bytes.size()) {
      std::memcpy(last.data + last.size, bytes.data(), bytes.size());
      last.block->advance(static_cast<uint32_t>(bytes.size()));
      last.size += bytes.size();
      size_ += bytes.size();
      return;
    }
  }
  append(slab.copy(bytes));
}

void Buffer::append(Slice slice) {
  if (slice.size == 0) {
    return;
  }
  size_ += slice.size;
  if (first_ != slices_.size()) {
    Slice& last = slices_.back();
    if (last.block == slice.block && last.block && last.data + last.size == slice.data) {
      last.size += slice.size;
      return;
    }
  }
  slices_.push_back(std::move(slice));
}

void Buffer::prepend(Slice slice) {
  if (slice.size == 0) {
    return;
  }
  size_ += slice.size;
  if (first_ > 0) {
    slices_[--first_] = std::move(slice);
  } else {
    slices_.insert(slices_.begin(), std::move(slice));
  }
}

void Buffer::moveFrom(Buffer& other) {
  if (size_ == 0) {
    *this = std::move(other);
    return;
  }
  for (size_t i = other.first_; i < other.slices_.size(); ++i) {
    append(std::move(other.slices_[i]));
  }
  other.clear();
}

void Buffer::moveFrom(Buffer& other, size_t n) {
  n = std::min(n, other.size_);
  if (n == other.size_) {
    moveFrom(other);
    return;
  }
  while (n > 0) {
    Slice& head = other.slices_[other.first_];
    if (head.size <= n) {
      n -= head.size;
      other.size_ -= head.size;
      append(std::move(head));
      other.popFront();
    } else {
      append(Slice{head.block, head.data, n});
      other.drain(n);
      n = 0;
    }
  }
}

void Buffer::popFront() {
  slices_[first_] = Slice();
  if (++first_ == slices_.size()) {
    slices_.clear();
    first_ = 0;
  } else if (first_ >= 16 && first_ * 2 >= slices_.size()) {
    // Keep the dead prefix from growing without bound on a long-lived stream.
    slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void Buffer::drain(size_t n) {
  if (n == size_) {
    clear();
    return;
  }
  size_ -= n;
  while (n > 0) {
    Slice& head = slices_[first_];
    if (head.size > n) {
      head.data += n;
      head.size -= n;
      return;
    }
    n -= head.size;
    popFront();
  }
}

void Buffer::drainInto(Buffer& dropped, size_t n) {
  size_ -= n;
  while (n > 0) {
    Slice& head = slices_[first_];
    if (head.size > n) {
      head.data += n;
      head.size -= n;
      return;
    }
    n -= head.size;
    // Not append(): merging would drop a reference on this thread.
    dropped.size_ += head.size;
    dropped.slices_.push_back(std::move(head));
    popFront();
  }
}

void Buffer::clear() {
  slices_.clear();
  first_ = 0;
  size_ = 0;
}

size_t Buffer::iovecs(struct iovec* iov, size_t max) const {
  size_t n = 0;
  for (const Slice& slice : slices()) {
    if (n == max) {
      break;
    }
    iov[n++] = {slice.data, slice.size};
  }
  return n;
}

void Buffer::copyOut(size_t offset, size_t n, char* out) const {
  for (const Slice& slice : slices()) {
    if (n == 0) {
      return;
    }
    if (offset >= slice.size) {
      offset -= slice.size;
      continue;
    }
    const size_t take = std::min(n, slice.size - offset);
    std::memcpy(out, slice.data + offset, take);
    out += take;
    n -= take;
    offset = 0;
  }
}

std::string_view Buffer::linearize(Slab& slab, size_t n) {
  if (n == 0) {
    return {};
  }
  if (slices_[first_].size >= n) {
    return {slices_[first_].data, n};
  }
  Slice whole = slab.allocate(n);
  copyOut(0, n, whole.data);
  const std::string_view view = whole.view();
  drain(n);
  prepend(std::move(whole));
  return view;
}

std::string Buffer::toString() const {
  std::string out;
  out.reserve(size_);
  for (const Slice& slice : slices()) {
    out.append(slice.data, slice.size);
  }
  return out;
}

} // namespace moe::base
