#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/any.pb.h"

namespace moe::xds {

// The name of the resource in `body`: field 1 of every type that xDS carries (Cluster.name,
// ClusterLoadAssignment.cluster_name, Listener.name, ...). Read without decoding the message, which
// is for its consumer. Error: the bytes are no message, or have no name.
absl::StatusOr<std::string> resourceName(const google::protobuf::Any& body);

} // namespace moe::xds
