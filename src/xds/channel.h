#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/channel.h>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/grpc_service.pb.h"
#include "xds/backoff.h"
#include "xds/cluster_addresses.h"

namespace moe::xds {

// An envoy.config.core.v3.GrpcService that has been looked through, and the channels by it: a new
// one for each attempt to connect, so that nothing is left of the failures before. Main thread.
class ChannelSource {
public:
  // One attempt to connect.
  struct Attempt {
    std::string target; // in gRPC's syntax
    std::shared_ptr<grpc::Channel> channel;
    std::vector<std::pair<std::string, std::string>> metadata; // initial_metadata
    std::chrono::milliseconds connectTimeout{0};               // 0: none but gRPC's
  };

  // Errors name the field below `path`: what a channel cannot honour is refused. `clusters` (for
  // envoy_grpc) outlives the source.
  static absl::StatusOr<std::unique_ptr<ChannelSource>>
  create(const envoy::config::core::v3::GrpcService& service, const config::FieldPath& path,
         const ClusterAddresses& clusters);

  virtual ~ChannelSource() = default;
  // A channel for the next attempt. Errors are of the moment: no address, a file that is not there.
  virtual absl::StatusOr<Attempt> next() = 0;
  // retry_policy.retry_back_off.
  virtual Backoff::Options backoff() const = 0;
};

} // namespace moe::xds
