#pragma once

#include "server/listener_manager.h"

namespace moe::server {

// One configuration of a listener.
struct ListenerManager::Version {
  std::string name;
  bool isStatic = false;
  std::string bytes;
  std::string version;
  std::chrono::system_clock::time_point updated = std::chrono::system_clock::now();
  ListenerConfigPtr config;                        // null while it drains
  std::shared_ptr<const std::vector<size_t>> same; // see ListenerUpdate
  ListenerSockets sockets;
  config::Warming waits;
};

struct ListenerManager::Managed {
  uint64_t id;
  std::string name;
  bool isStatic;
  VersionPtr active;
  VersionPtr warming;
  std::vector<std::string> claims;
};

} // namespace moe::server
