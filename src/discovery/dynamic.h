#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "discovery/addresses.h"
#include "discovery/clusters.h"
#include "discovery/named.h"
#include "discovery/whole.h"
#include "envoy/admin/v3/config_dump.pb.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/core/v3/extension.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/service/runtime/v3/rtds.pb.h"

namespace moe::discovery {

// Everything that comes by xDS, from the sources to those who use it. Main thread.
//
// Outlives the clusters, listeners and route tables, which watch it; but end() comes before their
// end, and before that of the loop.
class Dynamic {
public:
  using Endpoints = envoy::config::endpoint::v3::ClusterLoadAssignment;
  using Routes = envoy::config::route::v3::RouteConfiguration;
  using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;
  using Extension = envoy::config::core::v3::TypedExtensionConfig;
  using Runtime = envoy::service::runtime::v3::Runtime;
  using Cluster = envoy::config::cluster::v3::Cluster;
  using Listener = envoy::config::listener::v3::Listener;
  using Bootstrap = envoy::config::bootstrap::v3::Bootstrap;

  struct Options {
    event::Loop& loop;
    stats::Store& stats;
    base::LoggerPtr logger;
    const Bootstrap& bootstrap;
    std::string version;              // moe's, for the node
    const config::Coverage& coverage; // of all libraries
    bool strict = false;
    std::function<void(std::string line)> ignored; // see Decoder
  };
  // Errors name the field of the bootstrap.
  static absl::StatusOr<std::unique_ptr<Dynamic>> create(Options options);
  ~Dynamic();
  Dynamic(const Dynamic&) = delete;
  Dynamic& operator=(const Dynamic&) = delete;

  config::ResourceSource<Endpoints>& endpoints() { return endpoints_; }
  config::ResourceSource<Routes>& routes() { return routes_; }
  config::ResourceSource<Secret>& secrets() { return secrets_; }
  config::ResourceSource<Extension>& extensions() { return extensions_; }
  config::ResourceSource<Runtime>& runtimes() { return runtimes_; }

  // After the static clusters have been added, among which that of the control plane must be.
  absl::Status setClusters(upstream::ClusterManager& manager);
  absl::Status setListeners(Collection<Listener>& listeners);
  // Begins to ask for clusters, if the bootstrap says where. `first`: the first answer is here, or
  // none came in time; maybe at once.
  void startClusters(std::function<void()> first) { cds_->start(std::move(first)); }
  void startListeners(std::function<void()> first) { lds_->start(std::move(first)); }
  // Connects. What has been asked for so far goes out in order.
  void start() { sources_->start(); }
  // Ends all streams and their threads; nothing comes any more.
  void end();

  // Envoy's text readouts: versions, and who the control planes say they are.
  std::map<std::string, std::string> texts() const;
  // For /config_dump: what has come, is taken or refused. Secrets are not redacted.
  void dump(envoy::admin::v3::ClustersConfigDump& out) const;
  void dump(envoy::admin::v3::EndpointsConfigDump& out) const;
  void dump(envoy::admin::v3::RoutesConfigDump& out) const;
  void dump(envoy::admin::v3::SecretsConfigDump& out) const;
  void dump(envoy::admin::v3::EcdsConfigDump& out) const;
  // Versions and refusals; what serves and what warms is said by those who own listeners.
  void dumpRefused(envoy::admin::v3::ListenersConfigDump& out) const;

private:
  explicit Dynamic(Options options);
  absl::Status checkNode() const;

  Options options_;
  const upstream::ClusterManager* manager_ = nullptr;
  Addresses addresses_{[this] { return manager_; }};
  Decoder decoder_;
  std::unique_ptr<xds::ConfigSources> sources_;
  Sources open_{*sources_};
  Named<Endpoints> endpoints_;
  Named<Routes> routes_;
  Named<Secret> secrets_;
  Named<Extension> extensions_;
  Named<Runtime> runtimes_;
  std::unique_ptr<Clusters> clusters_;
  std::unique_ptr<Whole<Cluster>> cds_;
  std::unique_ptr<Whole<Listener>> lds_;
};

} // namespace moe::discovery
