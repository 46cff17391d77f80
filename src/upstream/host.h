#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/percent.h"
#include "envoy/config/core/v3/base.pb.h"
#include "net/address.h"

namespace moe::upstream {

// What is known of an endpoint beyond its description: it lives through changes of weight, locality
// or metadata, and so do the connections to it. Shared by all workers.
class HostState {
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

  HostState(net::AddressPtr address, std::string hostname)
      : address_(std::move(address)), hostname_(std::move(hostname)) {}
  const net::AddressPtr& address() const { return address_; }
  const std::string& hostname() const { return hostname_; }
  Counts& counts() const { return counts_; }

private:
  const net::AddressPtr address_;
  const std::string hostname_;
  mutable Counts counts_;
};
using HostStatePtr = std::shared_ptr<const HostState>;

// One endpoint of a cluster as its configuration describes it; immutable. Kept alive by snapshots,
// pools and requests that use it.
class Host {
public:
  using Locality = envoy::config::core::v3::Locality;
  using Metadata = envoy::config::core::v3::Metadata;
  struct Description {
    uint32_t weight = 1;
    uint32_t localityWeight = 0; // of all hosts of the locality; 0: no load, if such weights count
    uint32_t priority = 0;
    bool healthy = true; // as far as configuration says
    // Shared by hosts that have the same; null: none.
    std::shared_ptr<const Locality> locality;
    std::shared_ptr<const Metadata> metadata;
    friend bool operator==(const Description& a, const Description& b);
  };

  Host(HostStatePtr state, Description description);

  const HostStatePtr& state() const { return state_; }
  const Description& description() const { return description_; }
  const net::AddressPtr& address() const { return state_->address(); }
  const std::string& hostname() const { return state_->hostname(); }
  HostState::Counts& counts() const { return state_->counts(); }
  uint32_t weight() const { return description_.weight; }
  uint32_t priority() const { return description_.priority; }
  bool healthy() const { return description_.healthy; }
  const Locality& locality() const {
    return description_.locality == nullptr ? Locality::default_instance() : *description_.locality;
  }
  // canonicalValue of an "envoy.lb" key; null if the host has none.
  const std::string* lbMetadata(std::string_view key) const;

private:
  HostStatePtr state_;
  Description description_;
  std::vector<std::pair<std::string, std::string>> lbMetadata_; // sorted by key
};
using HostPtr = std::shared_ptr<const Host>;

// ClusterLoadAssignment.policy.
struct AssignmentPolicy {
  uint32_t overprovisioningPercent = 140;
  config::Fraction drop; // drop_overloads: the share of requests that are refused
  friend bool operator==(const AssignmentPolicy&, const AssignmentPolicy&) = default;
};

// The hosts of a cluster at one time, by priority; immutable.
struct HostSet {
  struct Priority {
    std::vector<HostPtr> hosts;
    std::vector<HostPtr> healthy;
  };
  std::vector<Priority> priorities;
  AssignmentPolicy policy;
  uint64_t version = 0;
};
using HostSetPtr = std::shared_ptr<const HostSet>;

} // namespace moe::upstream
