#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "stats/label.h"

namespace moe::stats {

// Counts of values in log-linear buckets (16 per power of two: at most 6.25 % wide), which are made
// at the first record. Any thread; a record is two relaxed additions.
class Histogram {
public:
  explicit Histogram(Label label) : label_(label) {}
  ~Histogram();
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  void record(uint64_t value);

  struct Snapshot {
    uint64_t count = 0;
    uint64_t sum = 0;
    std::vector<uint64_t> buckets; // by bucketIndex
    // The value below which `quantile` (0..1) of the records lie; 0 if there are none.
    double quantile(double quantile) const;
    // Records of at most `bound`, interpolated in the bucket that holds it.
    uint64_t atMost(double bound) const;
  };
  Snapshot snapshot() const;
  const Label& label() const { return label_; }

  static constexpr size_t kSubBits = 4;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits; // 976: 8 KB a histogram
  static size_t bucketIndex(uint64_t value);
  // Lower bound of a bucket (inclusive).
  static uint64_t bucketStart(size_t index);

private:
  using Buckets = std::array<std::atomic<uint64_t>, kBuckets>;
  Buckets& make();

  Label label_;
  std::atomic<uint64_t> sum_{0};
  std::atomic<Buckets*> buckets_{nullptr}; // owned
};

} // namespace moe::stats
