#include "xds/api_config.h"

#include "base/strings.h"

namespace moe::xds {

namespace core = envoy::config::core::v3;
using config::fieldError;
using config::FieldPath;

absl::StatusOr<bool> isDelta(const core::ApiConfigSource& api, const FieldPath& path) {
  switch (api.api_type()) {
  case core::ApiConfigSource::GRPC:
  case core::ApiConfigSource::AGGREGATED_GRPC:
    return false;
  case core::ApiConfigSource::DELTA_GRPC:
  case core::ApiConfigSource::AGGREGATED_DELTA_GRPC:
    return true;
  default:
    return fieldError(path.field("api_type"), core::ApiConfigSource::ApiType_Name(api.api_type()),
                      "GRPC, DELTA_GRPC, AGGREGATED_GRPC or AGGREGATED_DELTA_GRPC");
  }
}

bool isAggregated(const core::ApiConfigSource& api) {
  return api.api_type() == core::ApiConfigSource::AGGREGATED_GRPC ||
         api.api_type() == core::ApiConfigSource::AGGREGATED_DELTA_GRPC;
}

absl::Status checkApi(const core::ApiConfigSource& api, const FieldPath& path) {
  if (auto delta = isDelta(api, path); !delta.ok()) {
    return delta.status();
  }
  if (api.transport_api_version() != core::V3) {
    return fieldError(path.field("transport_api_version"),
                      core::ApiVersion_Name(api.transport_api_version()), "V3");
  }
  if (api.cluster_names_size() > 0) {
    return fieldError(path.field("cluster_names"), config::inQuotes(api.cluster_names(0)),
                      "none, since gRPC goes to grpc_services");
  }
  if (api.grpc_services_size() != 1) {
    return fieldError(path.field("grpc_services"), base::cat(api.grpc_services_size(), " services"),
                      "one");
  }
  return absl::OkStatus();
}

absl::Status checkSource(const core::ConfigSource& source, const FieldPath& path) {
  if (source.resource_api_version() != core::V3) {
    return fieldError(path.field("resource_api_version"),
                      core::ApiVersion_Name(source.resource_api_version()), "V3");
  }
  if (source.authorities_size() > 0) {
    return fieldError(path.field("authorities"), "authorities of xdstp:// names",
                      "none, since moe does not act on them");
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenBucket::Options> readRateLimit(const core::RateLimitSettings& settings,
                                                   const FieldPath& path) {
  TokenBucket::Options options;
  if (settings.has_max_tokens()) {
    options.maxTokens = settings.max_tokens().value();
    if (options.maxTokens == 0) {
      return fieldError(path.field("max_tokens"), "0", "1 or more");
    }
  }
  if (settings.has_fill_rate()) {
    options.fillRate = settings.fill_rate().value();
    if (!(options.fillRate > 0)) {
      return fieldError(path.field("fill_rate"), base::cat(options.fillRate),
                        "more than 0 requests a second");
    }
  }
  return options;
}

} // namespace moe::xds
