#pragma once

#include <google/protobuf/struct.pb.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "http/protocol.h"
#include "net/address.h"
#include "net/socket_facts.h"

namespace moe::tls {
class TlsPeer; // tls/peer.h
} // namespace moe::tls

namespace moe::http {

// Envoy's response flags; a bit each. The short names are those of access logs.
enum class ResponseFlag : uint32_t {
  FailedLocalHealthCheck = 1u << 0,            // LH
  NoHealthyUpstream = 1u << 1,                 // UH
  UpstreamRequestTimeout = 1u << 2,            // UT
  LocalReset = 1u << 3,                        // LR
  UpstreamRemoteReset = 1u << 4,               // UR
  UpstreamConnectionFailure = 1u << 5,         // UF
  UpstreamConnectionTermination = 1u << 6,     // UC
  UpstreamOverflow = 1u << 7,                  // UO
  NoRouteFound = 1u << 8,                      // NR
  DelayInjected = 1u << 9,                     // DI
  FaultInjected = 1u << 10,                    // FI
  RateLimited = 1u << 11,                      // RL
  UnauthorizedExternalService = 1u << 12,      // UAEX
  DownstreamConnectionTermination = 1u << 13,  // DC
  UpstreamRetryLimitExceeded = 1u << 14,       // URX
  StreamIdleTimeout = 1u << 15,                // SI
  DownstreamProtocolError = 1u << 16,          // DPE
  UpstreamProtocolError = 1u << 17,            // UPE
  UpstreamMaxStreamDurationReached = 1u << 18, // UMSDR
  NoClusterFound = 1u << 19,                   // NC
  OverloadManager = 1u << 20,                  // OM
  DropOverload = 1u << 21,                     // DO
  NoFilterConfigFound = 1u << 22,              // NFCF
};

// An object that filters leave for other filters and for logs, by name.
class FilterStateObject {
public:
  virtual ~FilterStateObject() = default;
  virtual std::string serialize() const = 0;
};

using Metadata = base::StringMap<google::protobuf::Struct>;

// What is known of one request (or one TCP connection), for logs, filters and Go. Times are
// base::monotonicNanos(); 0 means not yet. One worker's thread.
struct StreamInfo {
  int64_t startNanos = 0;
  int64_t startWallNanos = 0; // since the epoch
  int64_t requestCompleteNanos = 0;
  int64_t upstreamFirstByteNanos = 0;
  int64_t responseStartNanos = 0;
  int64_t responseCompleteNanos = 0;

  Protocol protocol = Protocol::Http11;
  bool protocolKnown = false;
  uint32_t responseCode = 0; // 0: none sent
  uint32_t responseFlags = 0;
  uint32_t attemptCount = 0;
  uint32_t internalRedirects = 0; // followed before this request
  uint64_t bytesReceived = 0;     // body bytes
  uint64_t bytesSent = 0;
  uint64_t connectionId = 0;
  uint64_t nanosInGo = 0;
  uint16_t connectPort = 0; // taken off the host of a CONNECT; 0: none

  net::AddressPtr downstreamLocal;
  net::AddressPtr downstreamRemote;       // after x-forwarded-for
  net::AddressPtr downstreamDirectRemote; // the connection's peer
  net::SocketFactsPtr downstreamSocket;   // what listener filters found; null: nothing
  net::AddressPtr upstreamLocal;
  net::AddressPtr upstreamRemote;
  std::shared_ptr<const tls::TlsPeer> downstreamTls; // null: in clear text
  std::shared_ptr<const tls::TlsPeer> upstreamTls;   // as well

  // The views point into configuration that the stream keeps alive, or into literals.
  std::string_view routeName;
  std::string_view virtualHostName;
  std::string_view virtualClusterName;
  std::string_view upstreamCluster;
  std::string_view filterChainName;
  std::string responseCodeDetails;
  std::string upstreamFailureReason;
  std::string downstreamFailureReason; // of its connection or handshake

  bool hasFlag(ResponseFlag flag) const {
    return (responseFlags & static_cast<uint32_t>(flag)) != 0;
  }
  void setFlag(ResponseFlag flag) { responseFlags |= static_cast<uint32_t>(flag); }

  // SNI; empty: none.
  std::string_view requestedServerName() const {
    return downstreamSocket == nullptr ? std::string_view() : downstreamSocket->serverName;
  }

  // Where the connection was going, if a listener filter found out; null: not known.
  const net::AddressPtr* restoredDestination() const {
    return downstreamSocket != nullptr && downstreamSocket->localRestored ? &downstreamSocket->local
                                                                          : nullptr;
  }

  // Takes over what is known of the connection before its bytes: addresses, facts and metadata that
  // listener filters left.
  void setDownstream(const net::AddressPtr& local, const net::AddressPtr& remote,
                     const net::SocketFactsPtr& socket) {
    downstreamLocal = local;
    downstreamRemote = downstreamDirectRemote = remote;
    if (socket == nullptr) {
      return;
    }
    downstreamSocket = socket;
    downstreamDirectRemote = socket->directRemote;
    for (const net::SocketFacts::Metadata& entry : socket->metadata) {
      (*dynamicMetadata()[entry.nameSpace].mutable_fields())[entry.key].set_string_value(
          entry.value);
    }
  }

  // Made on first use: most requests have none.
  Metadata& dynamicMetadata() {
    if (dynamicMetadata_ == nullptr) {
      dynamicMetadata_ = std::make_unique<Metadata>();
    }
    return *dynamicMetadata_;
  }
  const Metadata* dynamicMetadataOrNull() const { return dynamicMetadata_.get(); }
  using FilterState = std::map<std::string, std::shared_ptr<FilterStateObject>, std::less<>>;
  FilterState& filterState() {
    if (filterState_ == nullptr) {
      filterState_ = std::make_unique<FilterState>();
    }
    return *filterState_;
  }
  const FilterState* filterStateOrNull() const { return filterState_.get(); }

private:
  std::unique_ptr<Metadata> dynamicMetadata_;
  std::unique_ptr<FilterState> filterState_;
};

} // namespace moe::http
