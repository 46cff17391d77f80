#pragma once

#include <memory>
#include <vector>

#include "admin/admin.h"
#include "config/coverage.h"
#include "config/location_map.h"
#include "discovery/dynamic.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "golang/plugin_library.h"
#include "server/dynamic_listeners.h"
#include "server/loop_durations.h"
#include "server/options.h"
#include "server/overload.h"
#include "server/runtime_discovery.h"
#include "server/signals.h"

namespace moe::server {

// The process: configuration to running workers, and back. Main thread.
class Server {
public:
  Server(Options options, base::LoggerPtr logger);
  ~Server();

  // Reads and compiles the configuration; binds nothing. Errors carry file, line and column.
  absl::Status load();
  // Binds, starts the workers and runs until a signal has ended it.
  absl::Status serve();

private:
  absl::Status compile();
  absl::Status reportCoverage();
  // Fields without effect: warned about, or refused by --strict.
  absl::Status ignore(const std::vector<std::string>& fields);
  // Registers what may be configured.
  absl::Status addFilters();
  // The runtime's layers, and those of them that come by xDS (server_runtime.cc).
  absl::Status compileRuntime();
  // The static listeners; then their sockets, and the workers that accept from them
  // (server_listeners.cc).
  absl::Status compileListeners();
  absl::Status bind();
  std::vector<admin::BoundListener> boundListeners() const;
  // The admin interface, if the bootstrap has one (server_admin.cc).
  absl::Status readAdmin();
  absl::Status startAdmin();
  void dumpListeners(envoy::admin::v3::ListenersConfigDump& out) const;
  admin::State state() const;
  void startWorkers();
  void end();
  void onSignal(int signal);
  // Stops accepting and ends when the connections have; at once if called again. `why`: for the
  // log.
  void drain(const std::string& why);
  void finish();

  Options options_;
  base::LoggerPtr logger_;
  event::Worker main_{0}; // the main thread's; serves no traffic
  event::Loop& loop_ = main_.loop;
  stats::Store stats_;
  std::unique_ptr<LoopDurations> durations_; // of the main thread; null: not recorded
  std::unique_ptr<proxy::LogWriter> logs_;   // ends, and writes its last lines, behind all that log
  envoy::config::bootstrap::v3::Bootstrap bootstrap_;
  config::LocationMap locations_;
  const config::Coverage coverage_;
  event::WorkerLoops workerLoops_;
  std::unique_ptr<discovery::Dynamic> dynamic_; // watched by what is below
  std::unique_ptr<RuntimeLayers> runtime_;
  std::unique_ptr<RuntimeDiscovery> runtimeDiscovery_;
  std::unique_ptr<tls::TransportCompiler> transports_;
  std::unique_ptr<upstream::ClusterManager> clusters_;
  golang::Plugins plugins_;
  proxy::HttpFilterConfigs httpFilters_;
  proxy::HttpFilterConfigs routeFilters_;
  proxy::NetworkFilterConfigs networkFilters_;
  proxy::ListenerFilterConfigs listenerFilters_;
  std::unique_ptr<proxy::RouteTables> routeTables_;
  std::unique_ptr<proxy::NamedFilters> namedFilters_;
  std::unique_ptr<proxy::FactoryContext> context_;
  proxy::OverloadState overloadState_{stats_.root().child("listener_manager")};
  OverloadSettings overloadSettings_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<ListenerManager> listeners_;
  std::unique_ptr<DynamicListeners> dynamicListeners_;
  std::unique_ptr<event::Timer> drainTimer_;
  std::unique_ptr<Overload> overload_;
  Signals signals_;
  size_t draining_ = 0;
  bool live_ = false; // the workers accept connections
  bool ending_ = false;
  std::vector<std::string> ignoredFields_;
  net::AddressPtr adminAddress_;
  std::unique_ptr<admin::Admin> admin_; // Last: reports on all of the above.
};

} // namespace moe::server
