#include "server/server.h"

namespace moe::server {

absl::Status Server::compileRuntime() {
  const stats::Scope scope = stats_.root().child("runtime");
  auto layers = RuntimeLayers::create(bootstrap_.layered_runtime(), scope, logger_);
  if (!layers.ok()) {
    return layers.status();
  }
  runtime_ = std::move(*layers);
  runtimeDiscovery_ = std::make_unique<RuntimeDiscovery>(*runtime_, dynamic_->runtimes(), logger_);
  return runtimeDiscovery_->watch(bootstrap_.layered_runtime(), scope);
}

} // namespace moe::server
