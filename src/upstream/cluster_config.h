#pragma once

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "upstream/cluster_info.h"

namespace moe::upstream {

// Checks a cluster and fills in Envoy's defaults. Errors carry the field path below `path`. Without
// `tls`, TLS is an error.
absl::StatusOr<ClusterSettings> readCluster(const envoy::config::cluster::v3::Cluster& proto,
                                            const config::FieldPath& path,
                                            const ClusterTls* tls = nullptr);

} // namespace moe::upstream
