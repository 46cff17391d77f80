#pragma once

#include <memory>

#include "config/typed_config.h"
#include "net/listener_filter.h"
#include "proxy/factory.h"

namespace moe::proxy {

// A configured listener filter; immutable, shared by all workers.
class ListenerFilterFactory {
public:
  virtual ~ListenerFilterFactory() = default;
  // On the worker; for one socket.
  virtual std::unique_ptr<net::ListenerFilter> createFilter() const = 0;
};
using ListenerFilterFactoryPtr = std::shared_ptr<const ListenerFilterFactory>;

// Compiles the configuration of one kind of listener filter. Main thread.
class ListenerFilterConfig {
public:
  virtual ~ListenerFilterConfig() = default;
  // Errors carry the field path.
  virtual absl::StatusOr<ListenerFilterFactoryPtr> compile(const google::protobuf::Message& config,
                                                           const config::FieldPath& path,
                                                           const FactoryContext& context) = 0;
};

using ListenerFilterConfigs = config::FactoryMap<ListenerFilterConfig>;

} // namespace moe::proxy
