#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/config_source.pb.h"
#include "xds/token_bucket.h"

namespace moe::xds {

// What is asked of an ApiConfigSource. Errors name the field below `path`.

// True: api_type is one of the incremental kinds. Error: REST, or none.
absl::StatusOr<bool> isDelta(const envoy::config::core::v3::ApiConfigSource& api,
                             const config::FieldPath& path);
bool isAggregated(const envoy::config::core::v3::ApiConfigSource& api);

// transport_api_version, one grpc_service, no cluster_names.
absl::Status checkApi(const envoy::config::core::v3::ApiConfigSource& api,
                      const config::FieldPath& path);

// resource_api_version must say V3, and `authorities` nothing.
absl::Status checkSource(const envoy::config::core::v3::ConfigSource& source,
                         const config::FieldPath& path);

// rate_limit_settings, with Envoy's defaults.
absl::StatusOr<TokenBucket::Options>
readRateLimit(const envoy::config::core::v3::RateLimitSettings& settings,
              const config::FieldPath& path);

} // namespace moe::xds
