#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "tls/transport.h"
#include "upstream/host.h"

namespace moe::upstream {

// What is spoken on the connections of one pool.
enum class PoolProtocol { Http1, Http2, ByAlpn };

// Where a cluster's transport sockets are compiled.
struct ClusterTls {
  tls::TransportCompiler& compiler;
  tls::TransportUse use;
};

// Which transport sockets the hosts of a cluster get: Cluster.transport_socket and
// transport_socket_matches. Immutable; any thread.
class ClusterTransports {
public:
  // Null if all is in clear text. Without `tls`, TLS is an error.
  static absl::StatusOr<std::shared_ptr<const ClusterTransports>>
  compile(const envoy::config::cluster::v3::Cluster& proto, const config::FieldPath& path,
          const ClusterTls* tls);

  // Null: in clear text. One whose handshake fails, if the secrets are not there yet. Offers by
  // ALPN what `protocol` will speak, if there is one and the configuration says nothing. `sessions`
  // may be null.
  std::unique_ptr<net::TransportSocket> create(uint32_t worker, const Host& host,
                                               std::optional<PoolProtocol> protocol,
                                               std::shared_ptr<tls::ClientSessions> sessions,
                                               tls::TlsStats& stats) const;
  // A connection to the one is none to the other. (One whose secrets have changed since is.)
  bool differ(const Host& a, const Host& b) const { return contextFor(a) != contextFor(b); }
  // The transport of hosts that no match is for is TLS.
  bool byDefault() const { return static_cast<bool>(default_); }

private:
  struct Match {
    std::vector<std::pair<std::string, std::string>> wanted; // key, canonicalValue
    tls::ClientContextHandle context;                        // none: in clear text
  };
  const tls::ClientContextHandle* contextFor(const Host& host) const; // null: in clear text

  std::vector<Match> matches_;
  tls::ClientContextHandle default_;
  std::vector<std::string> http1_{"http/1.1"};
  std::vector<std::string> http2_{"h2"};
  std::vector<std::string> both_{"h2", "http/1.1"};
};

} // namespace moe::upstream
