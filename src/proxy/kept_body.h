#pragma once

#include "base/buffer.h"

namespace moe::proxy {

// The body of a request that may have to be sent once more.
class KeptBody {
public:
  // Copies what is small, and shares the rest. `limit`: bytes in all; 0: none.
  void keep(const base::Buffer& data, uint32_t limit, base::Slab& slab);
  // Not all of it was kept.
  bool overflowed() const { return overflowed_; }
  base::Buffer take() { return std::move(bytes_); }
  // The same bytes, to be sent once more.
  base::Buffer share() const;

private:
  base::Buffer bytes_;
  bool overflowed_ = false;
};

} // namespace moe::proxy
