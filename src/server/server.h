#pragma once

#include <memory>
#include <vector>

#include "config/location_map.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "golang/plugin_library.h"
#include "server/options.h"
#include "server/signals.h"
#include "server/worker_thread.h"

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
  absl::Status bind();
  void onSignal(int signal);
  void finish();

  Options options_;
  base::LoggerPtr logger_;
  event::Loop loop_;
  stats::Store stats_;
  envoy::config::bootstrap::v3::Bootstrap bootstrap_;
  config::LocationMap locations_;
  std::unique_ptr<upstream::ClusterManager> clusters_;
  golang::Plugins plugins_;
  proxy::HttpFilterConfigs httpFilters_;
  proxy::HttpFilterConfigs routeFilters_;
  proxy::NetworkFilterConfigs networkFilters_;
  std::unique_ptr<proxy::FactoryContext> context_;
  std::vector<ListenerConfigPtr> listeners_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<event::Timer> drainTimer_;
  Signals signals_;
  size_t draining_ = 0;
  bool signalled_ = false;
};

} // namespace moe::server
