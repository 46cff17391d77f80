#include "proxy/kept_body.h"

namespace moe::proxy {
namespace {

// Less would keep a block alive for little.
constexpr size_t kWorthSharing = 4096;

} // namespace

void KeptBody::keep(const base::Buffer& data, uint32_t limit, base::Slab& slab) {
  if (overflowed_) {
    return;
  }
  if (limit != 0 && bytes_.size() + data.size() > limit) {
    overflowed_ = true;
    bytes_.clear();
    return;
  }
  for (const base::Slice& slice : data.slices()) {
    if (slice.size < kWorthSharing) {
      bytes_.append(slab, slice.view());
    } else {
      bytes_.append(slice);
    }
  }
}

base::Buffer KeptBody::share() const {
  base::Buffer out;
  for (const base::Slice& slice : bytes_.slices()) {
    out.append(slice);
  }
  return out;
}

} // namespace moe::proxy
