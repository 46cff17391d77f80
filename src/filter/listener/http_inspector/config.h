#pragma once

#include "proxy/listener_filter.h"

namespace moe::filter::http_inspector {

// envoy.filters.listener.http_inspector: no fields. Statistics: http_inspector.*
class HttpInspectorConfig final : public proxy::ListenerFilterConfig {
public:
  absl::StatusOr<proxy::ListenerFilterFactoryPtr>
  compile(const google::protobuf::Message& config, const config::FieldPath& path,
          const proxy::FactoryContext& context) override;
};

} // namespace moe::filter::http_inspector
