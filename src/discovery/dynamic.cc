#include "discovery/dynamic.h"

#include "xds/type_urls.h"

namespace moe::discovery {

using config::fieldError;
using config::FieldPath;

namespace {

std::unique_ptr<xds::ConfigSources> makeSources(const Dynamic::Options& options,
                                                const xds::ClusterAddresses& addresses) {
  auto node = options.bootstrap.node();
  node.set_user_agent_name("moe");
  node.set_user_agent_version(options.version);
  return std::make_unique<xds::ConfigSources>(
      xds::ConfigSources::Options{.loop = options.loop,
                                  .clusters = addresses,
                                  .node = std::move(node),
                                  .stats = options.stats,
                                  .logger = options.logger});
}

} // namespace

Dynamic::Dynamic(Options options)
    : options_(std::move(options)),
      decoder_(
          {.coverage = options_.coverage, .strict = options_.strict, .ignored = options_.ignored}),
      sources_(makeSources(options_, addresses_)),
      endpoints_({open_, decoder_, xds::kEndpointType, options_.logger}),
      routes_({open_, decoder_, xds::kRouteType, options_.logger}),
      secrets_({open_, decoder_, xds::kSecretType, options_.logger}),
      extensions_({open_, decoder_, xds::kExtensionType, options_.logger}),
      runtimes_({open_, decoder_, xds::kRuntimeType, options_.logger}) {
  sources_->addType(std::string(xds::kEndpointType), endpoints_, nullptr);
  sources_->addType(std::string(xds::kRouteType), routes_, nullptr);
  sources_->addType(std::string(xds::kSecretType), secrets_, nullptr);
  sources_->addType(std::string(xds::kExtensionType), extensions_, nullptr);
  sources_->addType(std::string(xds::kRuntimeType), runtimes_, nullptr);
}

Dynamic::~Dynamic() { end(); }

absl::StatusOr<std::unique_ptr<Dynamic>> Dynamic::create(Options options) {
  std::unique_ptr<Dynamic> made(new Dynamic(std::move(options)));
  const auto& resources = made->options_.bootstrap.dynamic_resources();
  if (absl::Status status = made->checkNode(); !status.ok()) {
    return status;
  }
  if (resources.has_ads_config()) {
    if (absl::Status status = made->sources_->setAds(
            resources.ads_config(), FieldPath("dynamic_resources").field("ads_config"));
        !status.ok()) {
      return status;
    }
  }
  return made;
}

// As Envoy: a control plane must know who asks.
absl::Status Dynamic::checkNode() const {
  const auto& node = options_.bootstrap.node();
  if (!options_.bootstrap.has_dynamic_resources() ||
      (!node.id().empty() && !node.cluster().empty())) {
    return absl::OkStatus();
  }
  return fieldError(FieldPath("node").field(node.id().empty() ? "id" : "cluster"), "\"\"",
                    "a name: with dynamic_resources both node.id and node.cluster are needed");
}

absl::Status Dynamic::setClusters(upstream::ClusterManager& manager) {
  manager_ = &manager;
  clusters_ = std::make_unique<Clusters>(manager, options_.bootstrap, options_.logger);
  cds_ = std::make_unique<Whole<Cluster>>(Whole<Cluster>::Options{
      .sources = open_,
      .decoder = decoder_,
      .typeUrl = xds::kClusterType,
      .collection = *clusters_,
      .scope = options_.stats.root().child("cluster_manager").child("cds")});
  sources_->addType(std::string(xds::kClusterType), *cds_, &cds_->stats());
  const auto& ads = options_.bootstrap.dynamic_resources().ads_config();
  for (int i = 0; i < ads.grpc_services_size(); ++i) {
    const auto& service = ads.grpc_services(i);
    if (service.has_envoy_grpc() && !clusters_->isStatic(service.envoy_grpc().cluster_name())) {
      return fieldError(FieldPath("dynamic_resources")
                            .field("ads_config")
                            .field("grpc_services")
                            .index(static_cast<size_t>(i))
                            .field("envoy_grpc")
                            .field("cluster_name"),
                        config::inQuotes(service.envoy_grpc().cluster_name()),
                        "a cluster of static_resources");
    }
  }
  const auto& resources = options_.bootstrap.dynamic_resources();
  return resources.has_cds_config() ? cds_->open(resources.cds_config(),
                                                 FieldPath("dynamic_resources").field("cds_config"))
                                    : absl::OkStatus();
}

absl::Status Dynamic::setListeners(Collection<Listener>& listeners) {
  lds_ = std::make_unique<Whole<Listener>>(Whole<Listener>::Options{
      .sources = open_,
      .decoder = decoder_,
      .typeUrl = xds::kListenerType,
      .collection = listeners,
      .scope = options_.stats.root().child("listener_manager").child("lds"),
      .removalsFirst = true});
  sources_->addType(std::string(xds::kListenerType), *lds_, &lds_->stats());
  const auto& resources = options_.bootstrap.dynamic_resources();
  return resources.has_lds_config() ? lds_->open(resources.lds_config(),
                                                 FieldPath("dynamic_resources").field("lds_config"))
                                    : absl::OkStatus();
}

void Dynamic::end() {
  sources_ = nullptr;
  manager_ = nullptr;
}

} // namespace moe::discovery
