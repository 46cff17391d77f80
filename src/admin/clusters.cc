#include "admin/clusters.h"

#include <array>

#include "admin/address.h"
#include "base/strings.h"

namespace moe::admin {
namespace {

namespace v3 = envoy::admin::v3;
using upstream::ClusterInfo;
using upstream::Host;
using upstream::HostSet;
using upstream::HostState;

struct Metric {
  std::string_view name;
  bool counter;
  uint64_t value;
};

std::array<Metric, 8> metrics(const HostState::Counts& counts) {
  const auto read = [](const std::atomic<uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  return {{{"cx_active", false, read(counts.cxActive)},
           {"cx_connect_fail", true, read(counts.cxConnectFail)},
           {"cx_total", true, read(counts.cxTotal)},
           {"rq_active", false, read(counts.rqActive)},
           {"rq_error", true, read(counts.rqError)},
           {"rq_success", true, read(counts.rqSuccess)},
           {"rq_timeout", true, read(counts.rqTimeout)},
           {"rq_total", true, read(counts.rqTotal)}}};
}

template <class F> void forEachHost(const HostSet& hosts, F&& f) {
  for (const auto& priority : hosts.priorities) {
    for (const upstream::HostPtr& host : priority.hosts) {
      f(*host);
    }
  }
}

} // namespace

std::set<std::string> staticClusters(const Context& context) {
  std::set<std::string> out;
  for (const auto& cluster : context.bootstrap.static_resources().clusters()) {
    out.insert(cluster.name());
  }
  return out;
}

std::string clustersText(const Context& context) {
  std::string out;
  const std::set<std::string> fixed = staticClusters(context);
  context.clusters.forEach([&](const ClusterInfo& info, const HostSet& hosts) {
    const auto line = [&](std::string_view name, const auto& value) {
      out.append(base::cat(info.name(), "::", name, "::", value, "\n"));
    };
    line("observability_name",
         info.proto().alt_stat_name().empty() ? info.name() : info.proto().alt_stat_name());
    line("default_priority::max_connections", info.breakers().connections.limit());
    line("default_priority::max_pending_requests", info.breakers().pendingRequests.limit());
    line("default_priority::max_requests", info.breakers().requests.limit());
    line("default_priority::max_retries", info.breakers().retries.limit());
    line("added_via_api", !fixed.contains(info.name()));
    forEachHost(hosts, [&](const Host& host) {
      const auto hostLine = [&](std::string_view name, const auto& value) {
        out.append(base::cat(info.name(), "::", host.address()->asString(), "::", name, "::", value,
                             "\n"));
      };
      for (const Metric& metric : metrics(host.counts())) {
        hostLine(metric.name, metric.value);
      }
      hostLine("hostname", host.hostname());
      hostLine("health_flags", host.healthy() ? "healthy" : "/failed_eds_health");
      hostLine("weight", host.weight());
      hostLine("region", host.locality().region());
      hostLine("zone", host.locality().zone());
      hostLine("sub_zone", host.locality().sub_zone());
      hostLine("priority", host.priority());
    });
  });
  return out;
}

v3::Clusters clustersProto(const Context& context) {
  v3::Clusters out;
  const std::set<std::string> fixed = staticClusters(context);
  context.clusters.forEach([&](const ClusterInfo& info, const HostSet& hosts) {
    v3::ClusterStatus& cluster = *out.add_cluster_statuses();
    cluster.set_name(info.name());
    cluster.set_observability_name(
        info.proto().alt_stat_name().empty() ? info.name() : info.proto().alt_stat_name());
    cluster.set_added_via_api(!fixed.contains(info.name()));
    cluster.set_eds_service_name(info.proto().eds_cluster_config().service_name());
    auto& thresholds = *cluster.mutable_circuit_breakers()->add_thresholds();
    const auto limit = [](const upstream::Resource& resource) {
      return static_cast<uint32_t>(std::min<uint64_t>(resource.limit(), UINT32_MAX));
    };
    thresholds.mutable_max_connections()->set_value(limit(info.breakers().connections));
    thresholds.mutable_max_pending_requests()->set_value(limit(info.breakers().pendingRequests));
    thresholds.mutable_max_requests()->set_value(limit(info.breakers().requests));
    thresholds.mutable_max_retries()->set_value(limit(info.breakers().retries));
    forEachHost(hosts, [&](const Host& host) {
      v3::HostStatus& status = *cluster.add_host_statuses();
      *status.mutable_address() = toProto(*host.address());
      for (const Metric& metric : metrics(host.counts())) {
        v3::SimpleMetric& added = *status.add_stats();
        added.set_name(std::string(metric.name));
        added.set_type(metric.counter ? v3::SimpleMetric::COUNTER : v3::SimpleMetric::GAUGE);
        added.set_value(metric.value);
      }
      status.mutable_health_status()->set_eds_health_status(
          host.healthy() ? envoy::config::core::v3::HEALTHY : envoy::config::core::v3::UNHEALTHY);
      status.set_weight(host.weight());
      status.set_hostname(host.hostname());
      status.set_priority(host.priority());
      *status.mutable_locality() = host.locality();
    });
  });
  return out;
}

} // namespace moe::admin
