#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "envoy/config/core/v3/base.pb.h"
#include "net/address.h"

namespace moe::upstream {

class ClusterInfo;

// One endpoint of a cluster. Its description is immutable; counts and health are atomics that every
// worker shares. Kept alive by snapshots, pools and requests that use it.
class Host {
public:
  struct Counts {
    std::atomic<uint64_t> cxTotal{0};
    std::atomic<uint64_t> cxActive{0};
    std::atomic<uint64_t> cxConnectFail{0};
    std::atomic<uint64_t> rqTotal{0};
    std::atomic<uint64_t> rqActive{0};
    std::atomic<uint64_t> rqSuccess{0};
    std::atomic<uint64_t> rqError{0};
    std::atomic<uint64_t> rqTimeout{0};
  };

  Host(net::AddressPtr address, std::string hostname, uint32_t weight, uint32_t priority,
       envoy::config::core::v3::Locality locality, envoy::config::core::v3::Metadata metadata,
       bool healthy);

  const net::AddressPtr& address() const { return address_; }
  const std::string& hostname() const { return hostname_; }
  uint32_t weight() const { return weight_; }
  uint32_t priority() const { return priority_; }
  const envoy::config::core::v3::Locality& locality() const { return locality_; }
  const envoy::config::core::v3::Metadata& metadata() const { return metadata_; }
  // canonicalValue of an "envoy.lb" key; null if the host has none.
  const std::string* lbMetadata(std::string_view key) const;
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
  Counts& counts() const { return counts_; }

private:
  net::AddressPtr address_;
  std::string hostname_;
  uint32_t weight_;
  uint32_t priority_;
  envoy::config::core::v3::Locality locality_;
  envoy::config::core::v3::Metadata metadata_;
  std::vector<std::pair<std::string, std::string>> lbMetadata_; // sorted by key
  std::atomic<bool> healthy_;
  mutable Counts counts_;
};
using HostPtr = std::shared_ptr<const Host>;

// The hosts of a cluster at one time, by priority; immutable.
struct HostSet {
  struct Priority {
    std::vector<HostPtr> hosts;
    std::vector<HostPtr> healthy;
    uint32_t overprovisioningPercent = 140;
  };
  std::vector<Priority> priorities;
  uint64_t version = 0;
};
using HostSetPtr = std::shared_ptr<const HostSet>;

} // namespace moe::upstream
