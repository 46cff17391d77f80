#pragma once

#include "proxy/listener_filter.h"

namespace moe::filter::original_dst {

// envoy.filters.listener.original_dst: no fields.
class OriginalDstConfig final : public proxy::ListenerFilterConfig {
public:
  absl::StatusOr<proxy::ListenerFilterFactoryPtr>
  compile(const google::protobuf::Message& config, const config::FieldPath& path,
          const proxy::FactoryContext& context) override;
};

// What use_original_dst adds to a listener.
proxy::ListenerFilterFactoryPtr makeFactory();

} // namespace moe::filter::original_dst
