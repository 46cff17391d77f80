#pragma once

#include "base/log.h"
#include "config/warming.h"
#include "event/loop.h"
#include "upstream/cluster_info.h"
#include "upstream/endpoints.h"

namespace moe::upstream {

// A cluster on the main thread: its hosts, found as its type says. The derived classes find them.
class MainCluster {
public:
  // What happens to it; called from inside the cluster. onKnown and onReady may end it, once.
  class Events {
  public:
    // `gone`: hosts that it had before.
    virtual void onHosts(MainCluster& cluster, const std::vector<HostStatePtr>& gone) = 0;
    // Its hosts are known, or known not to come, and it waits for something else yet.
    virtual void onKnown(MainCluster& cluster) = 0;
    // The first time that its hosts are known, or known not to come, and so is what it waits for.
    virtual void onReady(MainCluster& cluster) = 0;

  protected:
    ~Events() = default;
  };

  // `before`: the hosts of the cluster that this one will replace, or null; what is the same goes
  // on.
  MainCluster(ClusterInfoPtr info, HostSetPtr before, Events& events);
  virtual ~MainCluster() = default;
  MainCluster(const MainCluster&) = delete;
  MainCluster& operator=(const MainCluster&) = delete;

  // What its configuration waits for: it is not ready before. Not null; before start().
  void waitFor(std::unique_ptr<config::Warming> warming) { warming_ = std::move(warming); }
  // Begins to find hosts. Errors name the field; nothing was reported then.
  virtual absl::Status start() = 0;

  const ClusterInfoPtr& info() const { return info_; }
  const std::string& name() const { return info_->name(); }
  // Not null.
  const HostSetPtr& hosts() const { return hosts_; }
  bool ready() const { return ready_; }
  // Its hosts are known, or known not to come.
  bool known() const { return known_; }

protected:
  void setHosts(std::vector<HostPtr> hosts, const AssignmentPolicy& policy);
  // Call last: this object may have ended.
  void becomeReady();
  stats::Counter& counter(std::string_view name) const { return info_->scope().counter(name); }

private:
  ClusterInfoPtr info_;
  HostSetPtr hosts_;
  Events& events_;
  bool first_ = true;
  bool known_ = false;
  bool ready_ = false;
  std::unique_ptr<config::Warming> warming_ = std::make_unique<config::Warming>();
};

// STATIC: all addresses are IPs or pipes, and known at once.
std::unique_ptr<MainCluster> createStaticCluster(ClusterInfoPtr info, HostSetPtr before,
                                                 std::vector<EndpointSpec> endpoints,
                                                 AssignmentPolicy policy,
                                                 MainCluster::Events& events);

// All as addresses; errors name the endpoint's field.
absl::StatusOr<std::vector<HostPtr>> staticHosts(const std::vector<EndpointSpec>& endpoints);

} // namespace moe::upstream
