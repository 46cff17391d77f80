#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/address.h"

namespace moe::xds {

// How to reach a cluster by gRPC: what a channel can honour of a Cluster.
struct ClusterConnection {
  // By UpstreamTlsContext. PEM texts.
  struct Tls {
    std::string roots; // of trusted_ca; "": the server's certificate is not verified, as in Envoy
    std::string certificateChain; // with privateKey, or both empty
    std::string privateKey;
    std::string serverName; // SNI; "": none of its own
    // match_typed_subject_alt_names, exact: DNS names or URIs, one of which the server's
    // certificate must have; empty: any.
    std::vector<std::string> subjectAltNames;
  };

  std::vector<net::AddressPtr> addresses; // tried in turn, one an attempt
  std::optional<Tls> tls;                 // null: clear text
  std::chrono::milliseconds connectTimeout{5'000};
  // http2_protocol_options.connection_keepalive.
  std::optional<std::chrono::milliseconds> keepaliveInterval;
  std::optional<std::chrono::milliseconds> keepaliveTimeout;
};

// Who knows the clusters. Main thread.
class ClusterAddresses {
public:
  virtual ~ClusterAddresses() = default;
  // Asked before each attempt to connect. Errors: no such cluster; one without addresses (yet); one
  // with settings that a gRPC channel cannot honour, by name.
  virtual absl::StatusOr<ClusterConnection> connection(std::string_view cluster) const = 0;
};

} // namespace moe::xds
