#pragma once

#include <functional>

#include "upstream/cluster_manager.h"
#include "xds/cluster_addresses.h"

namespace moe::discovery {

// How gRPC channels reach the clusters of the cluster manager. Main thread.
class Addresses final : public xds::ClusterAddresses {
public:
  // The manager, when there is one; both outlive this.
  using Manager = std::function<const upstream::ClusterManager*()>;
  explicit Addresses(Manager manager) : manager_(std::move(manager)) {}

  // Settings of a cluster that a channel does not have are errors, by name: SDS secrets, hashes of
  // certificates, session resumption, versions and ciphers.
  absl::StatusOr<xds::ClusterConnection> connection(std::string_view cluster) const override;

private:
  Manager manager_;
};

} // namespace moe::discovery
