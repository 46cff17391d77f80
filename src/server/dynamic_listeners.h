#pragma once

#include "discovery/whole.h"
#include "server/listener_manager.h"

namespace moe::server {

// The listeners that LDS brings, as the listener manager knows them. Main thread.
class DynamicListeners final : public discovery::Collection<envoy::config::listener::v3::Listener> {
public:
  // The manager outlives it.
  explicit DynamicListeners(ListenerManager& manager) : manager_(manager) {}

  absl::Status set(const envoy::config::listener::v3::Listener& listener,
                   std::string_view version) override {
    return manager_.addOrUpdate(listener, version);
  }
  void remove(std::string_view name) override { manager_.remove(name); }

private:
  ListenerManager& manager_;
};

} // namespace moe::server
