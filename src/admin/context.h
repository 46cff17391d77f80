#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "discovery/dynamic.h"
#include "envoy/admin/v3/config_dump.pb.h"
#include "envoy/admin/v3/server_info.pb.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "event/worker.h"
#include "net/address.h"
#include "stats/stats.h"
#include "upstream/cluster_manager.h"

namespace moe::admin {

using State = envoy::admin::v3::ServerInfo::State;

struct BoundListener {
  std::string name;
  net::AddressPtr address; // as bound: with the port that the system chose
  std::vector<net::AddressPtr> additional = {};
};

// What the admin interface reports on and acts through. References outlive it; functions are
// called on the main thread.
struct Context {
  event::Worker& worker; // the main thread's
  stats::Store& stats;
  const envoy::config::bootstrap::v3::Bootstrap& bootstrap;
  const upstream::ClusterManager& clusters;
  base::LoggerPtr logger;
  envoy::admin::v3::CommandLineOptions options;
  std::function<State()> state;
  std::function<void()> quit; // begins the end that SIGTERM would
  std::function<std::vector<BoundListener>()> listeners;
  // Lines that name set fields without effect; may be empty.
  std::function<std::vector<std::string>()> ignoredFields;
  const discovery::Dynamic* dynamic = nullptr; // what comes by xDS; null: nothing does
  // Adds the listeners that came by xDS; may be empty.
  std::function<void(envoy::admin::v3::ListenersConfigDump&)> dynamicListeners = {};
  const tls::TransportCompiler* tls = nullptr; // for /certs; null: there are none
};

} // namespace moe::admin
