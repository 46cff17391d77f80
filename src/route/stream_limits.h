#pragma once

#include <optional>

#include "absl/status/status.h"
#include "base/time.h"
#include "config/field_path.h"
#include "envoy/config/route/v3/route_components.pb.h"

namespace moe::route {

// RouteAction.max_stream_duration, and max_grpc_timeout and grpc_timeout_offset that it replaces.
struct StreamLimits {
  bool hasMaxStreamDuration = false; // the message is set: timeout and the older fields are void
  std::optional<base::Milliseconds> maxStreamDuration; // 0: none
  std::optional<base::Milliseconds> grpcHeaderMax;     // 0: as the header says
  std::optional<base::Milliseconds> grpcHeaderOffset;
  std::optional<base::Milliseconds> maxGrpcTimeout; // 0: none
  std::optional<base::Milliseconds> grpcTimeoutOffset;

  bool any() const { return hasMaxStreamDuration || maxGrpcTimeout.has_value(); }
  static absl::Status read(const envoy::config::route::v3::RouteAction& action,
                           const config::FieldPath& path, StreamLimits& out);
};

} // namespace moe::route
