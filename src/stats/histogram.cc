#include "stats/histogram.h"

#include <algorithm>
#include <bit>
#include <memory>

namespace moe::stats {

Histogram::~Histogram() { const std::unique_ptr<Buckets> owned(buckets_.load()); }

Histogram::Buckets& Histogram::make() {
  auto made = std::make_unique<Buckets>();
  Buckets* found = nullptr;
  if (buckets_.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *found; // another thread was quicker
}

size_t Histogram::bucketIndex(uint64_t value) {
  constexpr uint64_t sub = uint64_t{1} << kSubBits;
  if (value < sub) {
    return value;
  }
  const int exponent = 63 - std::countl_zero(value);
  const int shift = exponent - static_cast<int>(kSubBits);
  return ((static_cast<size_t>(shift) + 1) << kSubBits) + ((value >> shift) - sub);
}

uint64_t Histogram::bucketStart(size_t index) {
  constexpr uint64_t sub = uint64_t{1} << kSubBits;
  if (index < sub) {
    return index;
  }
  const size_t shift = (index >> kSubBits) - 1;
  return (sub + (index & (sub - 1))) << shift;
}

void Histogram::record(uint64_t value) {
  Buckets* const known = buckets_.load(std::memory_order_acquire);
  Buckets& buckets = known != nullptr ? *known : make();
  buckets[bucketIndex(value)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot;
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  snapshot.buckets.resize(kBuckets);
  const Buckets* const buckets = buckets_.load(std::memory_order_acquire);
  for (size_t i = 0; buckets != nullptr && i < kBuckets; ++i) {
    snapshot.buckets[i] = (*buckets)[i].load(std::memory_order_relaxed);
    snapshot.count += snapshot.buckets[i];
  }
  return snapshot;
}

double Histogram::Snapshot::quantile(double quantile) const {
  if (count == 0) {
    return 0;
  }
  const double wanted = quantile * static_cast<double>(count);
  double seen = 0;
  size_t last = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0) {
      continue;
    }
    last = i;
    const auto inBucket = static_cast<double>(buckets[i]);
    if (seen + inBucket >= wanted) {
      const auto start = static_cast<double>(bucketStart(i));
      // A bucket that holds one value has no inside.
      const double width =
          i < (size_t{1} << kSubBits) ? 0 : static_cast<double>(bucketStart(i + 1)) - start;
      return start + width * std::max(0.0, (wanted - seen) / inBucket);
    }
    seen += inBucket;
  }
  return static_cast<double>(bucketStart(last));
}

uint64_t Histogram::Snapshot::atMost(double bound) const {
  double seen = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto start = static_cast<double>(bucketStart(i));
    if (start > bound) {
      break;
    }
    const double end = i + 1 < buckets.size() ? static_cast<double>(bucketStart(i + 1)) : start;
    const bool single = i < (size_t{2} << kSubBits);
    if (single || end <= bound) {
      seen += static_cast<double>(buckets[i]);
    } else {
      seen += static_cast<double>(buckets[i]) * (bound - start) / (end - start);
    }
  }
  return static_cast<uint64_t>(seen);
}

} // namespace moe::stats
