#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/warming.h"
#include "event/endings.h"
#include "server/listener_sockets.h"
#include "server/worker_thread.h"

namespace moe::server {

// listener_manager. counters, with Envoy's names.
struct ListenerManagerStats {
  explicit ListenerManagerStats(const stats::Scope& scope);
  stats::Counter& added;
  stats::Counter& modified; // by an update
  stats::Counter& removed;
  stats::Counter& stopped; // since the process drains
  stats::Counter& inPlaceUpdated;
  stats::Counter& createSuccess; // one for each worker
  stats::Counter& createFailure; // sockets that could not be had
  stats::Gauge& active;
  stats::Gauge& warming;
  stats::Gauge& draining;
  stats::Gauge& chainsDraining; // of listeners whose other chains go on
};

// A configuration of a listener, for whoever looks at it; borrowed for a call.
struct ListenerInfo {
  enum class State { Warming, Active, Draining };
  // Parsed anew.
  envoy::config::listener::v3::Listener proto() const;

  const std::string& name;
  bool isStatic;
  State state;
  const std::string& version; // what the control plane calls it; "" of static ones
  std::chrono::system_clock::time_point updated;
  const std::vector<BoundAddress>& addresses; // none before they are bound
  const std::string& bytes;                   // of its message
};

// Owns all listeners, static ones and those that come and change by name. A configuration serves
// when all that it waits for is there; until then, so does the one before it. Main thread.
class ListenerManager {
public:
  struct Options {
    const proxy::ListenerFilterConfigs& listenerFilters;
    const proxy::NetworkFilterConfigs& networkFilters;
    const proxy::FactoryContext& context; // `warming` is set for each listener
    event::Loop& mainLoop;
    // All of them from bind() on. Their threads end before the manager does.
    const std::vector<std::unique_ptr<WorkerThread>>& workers;
    base::Milliseconds drainTime; // of what is replaced or removed; then connections are closed
  };
  // What the options refer to outlives it.
  explicit ListenerManager(const Options& options);
  ~ListenerManager();
  ListenerManager(const ListenerManager&) = delete;
  ListenerManager& operator=(const ListenerManager&) = delete;

  // Before bind(). Errors name the field below `path`.
  absl::Status addStatic(const envoy::config::listener::v3::Listener& proto,
                         const config::FieldPath& path);
  // The sockets of static listeners: clients can connect. Once, before the workers run.
  absl::Status bind();

  // From bind() on: a listener more or anew. Its sockets are bound on return. An error changes
  // nothing, and names the field of `proto`. What is the same already is left alone.
  absl::Status addOrUpdate(const envoy::config::listener::v3::Listener& proto,
                           std::string_view version);
  // False: there is none, or it is static. Whoever has connected is served, and drained.
  bool remove(std::string_view name);

  // After bind(). Calls once, when nothing that was added warms any more; maybe at once.
  void onInitialized(std::function<void()> callback);
  // The process drains: nothing changes any more, and what would is ignored. The workers are told
  // by others.
  void stop();
  // In the order they were added; those that drain last.
  void forEach(const std::function<void(const ListenerInfo&)>& f) const;

private:
  struct Version;
  using VersionPtr = std::unique_ptr<Version>;
  struct Managed;

  Managed* find(std::string_view name);
  Managed& add(const std::string& name, bool isStatic);
  void erase(Managed& listener);
  absl::Status checkAddresses(const ListenerConfig& config, const Managed* own) const;
  void claim(Managed& listener);
  void logAddresses(const Version& version) const;
  void checkInitialized();
  // listener_compile.cc
  absl::StatusOr<VersionPtr> compile(const envoy::config::listener::v3::Listener& proto,
                                     const config::FieldPath& path, const Version* before,
                                     bool dynamic);
  void keepChains(ListenerConfig& config, const ListenerBefore& before);
  // listener_activation.cc
  void setWarming(Managed& listener, VersionPtr version);
  absl::Status settle(Managed& listener);
  absl::Status activate(Managed& listener);
  void tellWorkers(const Managed& listener, Version& version);
  void drain(const ListenerConfig* config, VersionPtr version);
  void retire(const Managed& listener, VersionPtr before, const Version& now);

  const Options options_;
  ListenerManagerStats stats_;
  SocketBinder binder_;
  const std::shared_ptr<event::Endings> endings_;
  std::vector<std::unique_ptr<Managed>> listeners_; // in the order they were added
  base::StringMap<Managed*> byName_;                // those that have a name
  base::StringMap<const Managed*> claims_;          // by address
  std::map<const ListenerConfig*, VersionPtr> draining_;
  std::set<const FilterChain*> drainingChains_;
  std::function<void()> initialized_;
  size_t warming_ = 0;
  uint64_t nextId_ = 1;
  bool stopped_ = false;
  const std::shared_ptr<ListenerManager*> alive_ = std::make_shared<ListenerManager*>(this);
};

} // namespace moe::server
