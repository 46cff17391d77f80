#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "admin/context.h"

namespace moe::admin {

// The configuration in use as Envoy's ConfigDump, secrets redacted: bootstrap, clusters, endpoints
// (if `withEndpoints`), listeners, and the route tables inside connection managers. `since`: when
// it was loaded.
envoy::admin::v3::ConfigDump configDump(const Context& context, bool withEndpoints,
                                        const google::protobuf::Timestamp& since);

} // namespace moe::admin
