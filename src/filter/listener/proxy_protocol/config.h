#pragma once

#include "proxy/listener_filter.h"

namespace moe::filter::proxy_protocol {

// envoy.filters.listener.proxy_protocol. Statistics: proxy_proto.[stat_prefix.]*
class ProxyProtocolConfig final : public proxy::ListenerFilterConfig {
public:
  absl::StatusOr<proxy::ListenerFilterFactoryPtr>
  compile(const google::protobuf::Message& config, const config::FieldPath& path,
          const proxy::FactoryContext& context) override;
};

} // namespace moe::filter::proxy_protocol
