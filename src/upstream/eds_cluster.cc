#include "upstream/eds_cluster.h"

#include "config/duration.h"

namespace moe::upstream {
namespace {

class EdsCluster final : public MainCluster, public EndpointSource::Receiver {
public:
  EdsCluster(ClusterInfoPtr info, HostSetPtr before, EndpointSource& source, event::Loop& loop,
             config::FieldPath path, Events& events)
      : MainCluster(std::move(info), std::move(before), events), source_(source), loop_(loop),
        path_(std::move(path)) {}

  absl::Status start() override {
    const auto& eds = info()->proto().eds_cluster_config();
    serviceName_ = eds.service_name().empty() ? name() : eds.service_name();
    const std::weak_ptr<bool> alive = alive_; // an answer that is there may end this object
    auto watch =
        source_.watch(eds.eds_config(), serviceName_, *this,
                      path_.field("eds_cluster_config").field("eds_config"), info()->scope());
    if (!watch.ok()) {
      return watch.status();
    }
    if (!alive.expired()) {
      watch_ = std::move(*watch);
    }
    return absl::OkStatus();
  }

  absl::Status
  onResource(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment) override {
    if (assignment.cluster_name() != serviceName_) {
      return config::fieldError(config::FieldPath("cluster_name"),
                                config::inQuotes(assignment.cluster_name()),
                                config::inQuotes(serviceName_));
    }
    auto endpoints = readEndpoints(assignment, config::FieldPath(""));
    if (!endpoints.ok()) {
      return endpoints.status();
    }
    auto hosts = staticHosts(*endpoints);
    if (!hosts.ok()) {
      return hosts.status();
    }
    const auto& policy = assignment.policy();
    auto staleAfter = config::toMillisOr(policy.has_endpoint_stale_after(),
                                         policy.endpoint_stale_after(), base::Milliseconds(0),
                                         config::FieldPath("policy").field("endpoint_stale_after"));
    if (!staleAfter.ok()) {
      return staleAfter.status();
    }
    auto rules = readPolicy(assignment, config::FieldPath(""));
    if (!rules.ok()) {
      return rules.status();
    }
    policy_ = *rules;
    staleAfter_ = *staleAfter;
    latest_ = staleAfter_.count() > 0 ? *hosts : std::vector<HostPtr>();
    watchStaleness();
    setHosts(std::move(*hosts), policy_);
    becomeReady();
    return absl::OkStatus();
  }

  // It is as good as new, and what was thought stale is there again.
  void onConfirmed() override {
    if (staleAfter_.count() > 0) {
      watchStaleness();
      setHosts(latest_, policy_);
    }
  }

  // What is known stays in use.
  void onAbsent() override { becomeReady(); }

private:
  void watchStaleness() {
    stale_ = nullptr;
    if (staleAfter_.count() == 0) {
      return;
    }
    stale_ = loop_.createTimer([this] {
      counter("assignment_stale").inc();
      setHosts({}, {});
    });
    stale_->enable(staleAfter_);
    counter("assignment_timeout_received").inc();
  }

  EndpointSource& source_;
  event::Loop& loop_;
  const config::FieldPath path_;
  std::string serviceName_;
  std::vector<HostPtr> latest_; // as they came last, if they may go stale
  AssignmentPolicy policy_;
  base::Milliseconds staleAfter_{0}; // 0: never
  std::unique_ptr<event::Timer> stale_;
  std::unique_ptr<EndpointSource::Watch> watch_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace

std::unique_ptr<MainCluster> createEdsCluster(ClusterInfoPtr info, HostSetPtr before,
                                              EndpointSource& source, event::Loop& loop,
                                              config::FieldPath path, MainCluster::Events& events) {
  return std::make_unique<EdsCluster>(std::move(info), std::move(before), source, loop,
                                      std::move(path), events);
}

} // namespace moe::upstream
