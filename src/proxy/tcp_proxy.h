#pragma once

#include "proxy/access_log.h"
#include "proxy/factory.h"

namespace moe::proxy {

// The network filter envoy.filters.network.tcp_proxy: bytes both ways between a downstream
// connection and a new connection to a host of a cluster, half-closes included.
class TcpProxyFilterConfig final : public NetworkFilterConfig {
public:
  absl::StatusOr<NetworkFilterFactoryPtr> compile(const google::protobuf::Message& config,
                                                  const config::FieldPath& path,
                                                  const FactoryContext& context) override;
};

} // namespace moe::proxy
