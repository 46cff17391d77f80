#include "admin/config_dump.h"

#include "admin/address.h"
#include "admin/clusters.h"
#include "admin/redact.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace moe::admin {
namespace {

using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using google::protobuf::Timestamp;
namespace v3 = envoy::admin::v3;

v3::ClustersConfigDump clustersDump(const Context& context, const Timestamp& since) {
  const std::set<std::string> fixed = staticClusters(context);
  v3::ClustersConfigDump out;
  context.clusters.forEach(
      [&](const upstream::ClusterInfo& info, const upstream::HostSet& /*hosts*/) {
        if (fixed.contains(info.name())) {
          auto& cluster = *out.add_static_clusters();
          cluster.mutable_cluster()->PackFrom(info.proto());
          *cluster.mutable_last_updated() = since;
        }
      });
  if (context.dynamic != nullptr) {
    context.dynamic->dump(out);
  }
  return out;
}

v3::EndpointsConfigDump endpointsDump(const Context& context) {
  v3::EndpointsConfigDump out;
  context.clusters.forEach([&](const upstream::ClusterInfo& info, const upstream::HostSet& hosts) {
    if (info.proto().type() == envoy::config::cluster::v3::Cluster::EDS) {
      return; // below
    }
    envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
    assignment.set_cluster_name(info.name());
    for (const auto& priority : hosts.priorities) {
      for (const upstream::HostPtr& host : priority.hosts) {
        auto& group = *assignment.add_endpoints();
        group.set_priority(host->priority());
        *group.mutable_locality() = host->locality();
        auto& endpoint = *group.add_lb_endpoints();
        endpoint.mutable_endpoint()->set_hostname(host->hostname());
        *endpoint.mutable_endpoint()->mutable_address() = toProto(*host->address());
        endpoint.mutable_load_balancing_weight()->set_value(host->weight());
        endpoint.set_health_status(host->healthy() ? envoy::config::core::v3::HEALTHY
                                                   : envoy::config::core::v3::UNHEALTHY);
        if (host->description().metadata != nullptr) {
          *endpoint.mutable_metadata() = *host->description().metadata;
        }
      }
    }
    out.add_static_endpoint_configs()->mutable_endpoint_config()->PackFrom(assignment);
  });
  if (context.dynamic != nullptr) {
    context.dynamic->dump(out);
  }
  return out;
}

v3::ListenersConfigDump listenersDump(const Context& context, const Timestamp& since) {
  v3::ListenersConfigDump out;
  for (const auto& listener : context.bootstrap.static_resources().listeners()) {
    auto& added = *out.add_static_listeners();
    added.mutable_listener()->PackFrom(listener);
    *added.mutable_last_updated() = since;
  }
  if (context.dynamicListeners) {
    context.dynamicListeners(out);
  }
  if (context.dynamic != nullptr) {
    context.dynamic->dumpRefused(out);
  }
  return out;
}

v3::RoutesConfigDump routesDump(const Context& context, const Timestamp& since) {
  v3::RoutesConfigDump out;
  const auto addChain = [&](const envoy::config::listener::v3::FilterChain& chain) {
    for (const auto& filter : chain.filters()) {
      HttpConnectionManager manager;
      if (filter.typed_config().UnpackTo(&manager) && manager.has_route_config()) {
        auto& routes = *out.add_static_route_configs();
        routes.mutable_route_config()->PackFrom(manager.route_config());
        *routes.mutable_last_updated() = since;
      }
    }
  };
  for (const auto& listener : context.bootstrap.static_resources().listeners()) {
    for (const auto& chain : listener.filter_chains()) {
      addChain(chain);
    }
    addChain(listener.default_filter_chain());
  }
  if (context.dynamic != nullptr) {
    context.dynamic->dump(out);
  }
  return out;
}

v3::SecretsConfigDump secretsDump(const Context& context, const Timestamp& since) {
  v3::SecretsConfigDump out;
  for (const auto& secret : context.bootstrap.static_resources().secrets()) {
    auto& added = *out.add_static_secrets();
    added.set_name(secret.name());
    added.mutable_secret()->PackFrom(secret);
    *added.mutable_last_updated() = since;
  }
  if (context.dynamic != nullptr) {
    context.dynamic->dump(out);
  }
  return out;
}

v3::EcdsConfigDump extensionsDump(const Context& context) {
  v3::EcdsConfigDump out;
  if (context.dynamic != nullptr) {
    context.dynamic->dump(out);
  }
  return out;
}

} // namespace

v3::ConfigDump configDump(const Context& context, bool withEndpoints, const Timestamp& since) {
  v3::ConfigDump out;
  v3::BootstrapConfigDump bootstrap;
  *bootstrap.mutable_bootstrap() = context.bootstrap;
  *bootstrap.mutable_last_updated() = since;
  out.add_configs()->PackFrom(bootstrap);
  out.add_configs()->PackFrom(clustersDump(context, since));
  if (withEndpoints) {
    out.add_configs()->PackFrom(endpointsDump(context));
  }
  out.add_configs()->PackFrom(extensionsDump(context));
  out.add_configs()->PackFrom(listenersDump(context, since));
  out.add_configs()->PackFrom(routesDump(context, since));
  out.add_configs()->PackFrom(secretsDump(context, since));
  redact(out);
  return out;
}

} // namespace moe::admin
