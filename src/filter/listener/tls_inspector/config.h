#pragma once

#include "proxy/listener_filter.h"

namespace moe::filter::tls_inspector {

// envoy.filters.listener.tls_inspector. Statistics: tls_inspector.*
class TlsInspectorConfig final : public proxy::ListenerFilterConfig {
public:
  absl::StatusOr<proxy::ListenerFilterFactoryPtr>
  compile(const google::protobuf::Message& config, const config::FieldPath& path,
          const proxy::FactoryContext& context) override;
};

} // namespace moe::filter::tls_inspector
