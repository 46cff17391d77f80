#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/core/v3/grpc_service.pb.h"
#include "xds/backoff.h"

namespace moe::xds {

// The parts of a GrpcService that both kinds share. Errors name the field below `path`.

// initial_metadata: lower-case names and values, as gRPC takes them.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>>
readMetadata(const envoy::config::core::v3::GrpcService& service, const config::FieldPath& path);

// retry_back_off of a RetryPolicy; Envoy's defaults where it is not set.
absl::StatusOr<Backoff::Options> readBackoff(const envoy::config::core::v3::RetryPolicy& policy,
                                             const config::FieldPath& path);

// The bytes a DataSource stands for; "" if it is not set. Reads a file: for the main thread.
absl::StatusOr<std::string> readDataSource(const envoy::config::core::v3::DataSource& source,
                                           const config::FieldPath& path);

// What of google_grpc no channel of moe's honours: call credentials, plugins, google_default.
absl::Status refuseUnsupported(const envoy::config::core::v3::GrpcService::GoogleGrpc& google,
                               const config::FieldPath& path);

} // namespace moe::xds
