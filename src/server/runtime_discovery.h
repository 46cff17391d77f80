#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "config/resource_source.h"
#include "config/warming.h"
#include "envoy/service/runtime/v3/rtds.pb.h"
#include "server/runtime_layers.h"

namespace moe::server {

// The layers of the runtime that come and change by name (RTDS; RuntimeLayer.rtds_layer). Main
// thread.
class RuntimeDiscovery {
public:
  using Source = config::ResourceSource<envoy::service::runtime::v3::Runtime>;

  // All outlive it.
  RuntimeDiscovery(RuntimeLayers& layers, Source& source, base::LoggerPtr logger);
  ~RuntimeDiscovery();
  RuntimeDiscovery(const RuntimeDiscovery&) = delete;
  RuntimeDiscovery& operator=(const RuntimeDiscovery&) = delete;

  // Asks for every layer, once. `scope`: "runtime.", of update_success and the like. Errors name
  // the field of the bootstrap.
  absl::Status watch(const envoy::config::bootstrap::v3::LayeredRuntime& proto,
                     const stats::Scope& scope);
  // Calls once, when each layer is here or did not come in time; maybe at once.
  void onInitialized(std::function<void()> ready) { waits_.whenDone(std::move(ready)); }

private:
  class Layer;

  RuntimeLayers& layers_;
  Source& source_;
  base::LoggerPtr logger_;
  std::vector<std::unique_ptr<Layer>> watched_;
  config::Warming waits_; // last: the end of the layers is not what it waits for
};

} // namespace moe::server
