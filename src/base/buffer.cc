#include "base/buffer.h"

#include <algorithm>
#include <cstring>

namespace moe::base {
namespace {

// Cheaper to copy than to keep apart.
constexpr size_t kSmall = 512;
// Two slices, one of this size, are worth two blocks at four times their bytes.
constexpr size_t kWorthABlock = Block::kSize / 2;

// The bytes behind a slice that nobody else can have: its block has no other user.
size_t tailRoom(const Slice& slice) {
  return slice.block.unique() &&
                 slice.data + slice.size == slice.block->data() + slice.block->used()
             ? slice.block->room()
             : 0;
}

void grow(Slice& slice, const char* bytes, size_t n) {
  std::memcpy(slice.data + slice.size, bytes, n);
  slice.block->advance(static_cast<uint32_t>(n));
  slice.size += n;
}

} // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    slices_ = std::move(other.slices_);
    first_ = other.first_;
    blocks_ = other.blocks_;
    size_ = other.size_;
    seen_[0] = other.seen_[0];
    seen_[1] = other.seen_[1];
    other.clear();
  }
  return *this;
}

void Buffer::append(Slab& slab, std::string_view bytes) {
  if (bytes.empty()) {
    return;
  }
  if (size_ != 0) {
    Slice& last = slices_.back();
    // The slab's current block may grow, too: its owner is this thread.
    if (last.block && (last.block == slab.current() || last.block.unique()) &&
        last.data + last.size == last.block->data() + last.block->used() &&
        last.block->room() >= bytes.size()) {
      grow(last, bytes.data(), bytes.size());
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
  if (size_ != 0) {
    Slice& last = slices_.back();
    if (last.block == slice.block && last.block && last.data + last.size == slice.data) {
      last.size += slice.size;
      size_ += slice.size;
      return;
    }
    if (slice.size <= kSmall && tailRoom(last) >= slice.size) {
      grow(last, slice.data, slice.size);
      size_ += slice.size;
      return;
    }
  }
  pushBack(std::move(slice));
  if (wasteful(blocks_, size_)) {
    gather();
  }
}

void Buffer::attach(Slice slice) {
  if (slice.size != 0) {
    pushBack(std::move(slice));
  }
}

void Buffer::pushBack(Slice slice) {
  const Block* block = slice.block.get();
  if (block != nullptr && block != seen_[0]) {
    blocks_ += block == seen_[1] ? 0 : 1;
    seen_[1] = std::exchange(seen_[0], block);
  }
  size_ += slice.size;
  slices_.push_back(std::move(slice));
}

// Copies what is not worth its block, once: what was copied lies dense.
void Buffer::gather() {
  size_t kept = 0;
  for (size_t i = first_; i < slices_.size(); ++i) {
    Slice from = std::move(slices_[i]);
    const bool alone = from.block && from.data == from.block->data() && tailRoom(from) > 0;
    const size_t room = kept > 0 ? tailRoom(slices_[kept - 1]) : 0;
    if (from.size >= kWorthABlock || (alone && room < from.size)) {
      slices_[kept++] = std::move(from);
      continue;
    }
    while (from.size > 0) { // at most into two: never more slices than there were
      if (kept == 0 || tailRoom(slices_[kept - 1]) == 0) {
        BlockRef block =
            from.block ? from.block.another() : BlockRef::makeForeign(Block::kSize - sizeof(Block));
        char* data = block->data();
        slices_[kept++] = Slice{std::move(block), data, 0};
      }
      Slice& to = slices_[kept - 1];
      const size_t take = std::min(from.size, tailRoom(to));
      grow(to, from.data, take);
      from.data += take;
      from.size -= take;
    }
  }
  slices_.erase(slices_.begin() + static_cast<std::ptrdiff_t>(kept), slices_.end());
  first_ = 0;
  blocks_ = static_cast<uint32_t>(kept);
  seen_[0] = slices_.back().block.get();
  seen_[1] = nullptr;
}

void Buffer::prepend(Slice slice) {
  if (slice.size == 0) {
    return;
  }
  size_ += slice.size;
  ++blocks_;
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
    first_ = blocks_ = 0;
    seen_[0] = seen_[1] = nullptr;
  } else if (first_ >= 16 && size_t{first_} * 2 >= slices_.size()) {
    // Keep the dead prefix from growing without bound on a long-lived stream.
    slices_.erase(slices_.begin(), slices_.begin() + first_);
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
    dropped.pushBack(std::move(head));
    popFront();
  }
}

void Buffer::clear() {
  slices_.clear();
  first_ = blocks_ = 0;
  size_ = 0;
  seen_[0] = seen_[1] = nullptr;
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
