#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "xds/resource.h"

namespace moe::xds {

// What both kinds of response share.

// Fills `to` from a Resource (name, version, aliases, ttl, body); what is wrong with it becomes
// to.error. `path`: where it is in the response, such as `resources[3]`.
void readEnvelope(envoy::service::discovery::v3::Resource& from, std::string_view typeUrl,
                  const std::string& path, Incoming& to);

// "" or how the type of a body differs from that of the response.
std::string wrongBodyType(const google::protobuf::Any& body, std::string_view typeUrl,
                          const std::string& path);

// Error: the response speaks of another type.
absl::Status checkType(std::string_view found, std::string_view expected);

// Error: a name comes twice, added or removed.
absl::Status checkNames(const Batch& batch);

// Adds resource_errors to the batch.
void readErrors(
    const google::protobuf::RepeatedPtrField<envoy::service::discovery::v3::ResourceError>& errors,
    Batch& batch);

} // namespace moe::xds
