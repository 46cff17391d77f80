#include <google/protobuf/util/time_util.h>

#include <set>

#include "discovery/dynamic.h"
#include "xds/type_urls.h"

namespace moe::discovery {
namespace {

namespace v3 = envoy::admin::v3;
using google::protobuf::util::TimeUtil;

void setError(const xds::KeptResource::Refusal& refusal, v3::UpdateFailureState& out) {
  out.set_details(refusal.error);
  out.set_version_info(refusal.version);
  *out.mutable_last_update_attempt() = TimeUtil::NanosecondsToTimestamp(refusal.wallNanos);
}

// What has never been accepted is told by its name alone: the bytes that were refused are not kept.
template <class Entry, class Message> void nameRefused(Entry& entry, const Message& named) {
  if (entry.has_error_state()) {
    entry.mutable_error_state()->mutable_failed_configuration()->PackFrom(named);
  }
}

// What the entries of all sections have in common.
template <class Entry> void fill(const xds::KeptResource& kept, Entry& entry) {
  if (kept.accepted) {
    entry.set_version_info(kept.version);
    *entry.mutable_last_updated() = TimeUtil::NanosecondsToTimestamp(kept.acceptedWallNanos);
  }
  entry.set_client_status(kept.refusal ? v3::NACKED : v3::ACKED);
  if (kept.refusal) {
    setError(*kept.refusal, *entry.mutable_error_state());
  }
}

} // namespace

void Dynamic::dump(v3::ClustersConfigDump& out) const {
  if (sources_ == nullptr || cds_ == nullptr || cds_->subscription() == nullptr) {
    return;
  }
  std::set<std::string> warming;
  manager_->forEachWarming(
      [&](const upstream::ClusterInfo& info, const upstream::HostSet& /*hosts*/) {
        warming.insert(info.name());
      });
  out.set_version_info(cds_->subscription()->version());
  cds_->subscription()->resources().forEach([&](const xds::KeptResource& kept) {
    auto& entry = warming.contains(kept.name) ? *out.add_dynamic_warming_clusters()
                                              : *out.add_dynamic_active_clusters();
    fill(kept, entry);
    if (kept.accepted) {
      *entry.mutable_cluster() = kept.body;
    } else {
      Cluster named;
      named.set_name(kept.name);
      nameRefused(entry, named);
    }
  });
}

void Dynamic::dump(v3::EndpointsConfigDump& out) const {
  if (sources_ == nullptr) {
    return;
  }
  sources_->forEach(xds::kEndpointType, [&](const xds::Subscription& subscription) {
    subscription.resources().forEach([&](const xds::KeptResource& kept) {
      auto& entry = *out.add_dynamic_endpoint_configs();
      fill(kept, entry);
      if (kept.accepted) {
        *entry.mutable_endpoint_config() = kept.body;
      } else {
        Endpoints named;
        named.set_cluster_name(kept.name);
        nameRefused(entry, named);
      }
    });
  });
}

void Dynamic::dump(v3::RoutesConfigDump& out) const {
  if (sources_ == nullptr) {
    return;
  }
  sources_->forEach(xds::kRouteType, [&](const xds::Subscription& subscription) {
    subscription.resources().forEach([&](const xds::KeptResource& kept) {
      auto& entry = *out.add_dynamic_route_configs();
      fill(kept, entry);
      if (kept.accepted) {
        *entry.mutable_route_config() = kept.body;
      } else {
        Routes named;
        named.set_name(kept.name);
        nameRefused(entry, named);
      }
    });
  });
}

void Dynamic::dump(v3::SecretsConfigDump& out) const {
  if (sources_ == nullptr) {
    return;
  }
  sources_->forEach(xds::kSecretType, [&](const xds::Subscription& subscription) {
    subscription.resources().forEach([&](const xds::KeptResource& kept) {
      auto& entry =
          kept.accepted ? *out.add_dynamic_active_secrets() : *out.add_dynamic_warming_secrets();
      entry.set_name(kept.name);
      fill(kept, entry);
      if (kept.accepted) {
        *entry.mutable_secret() = kept.body;
      }
    });
  });
}

void Dynamic::dumpRefused(v3::ListenersConfigDump& out) const {
  if (sources_ == nullptr || lds_ == nullptr || lds_->subscription() == nullptr) {
    return;
  }
  out.set_version_info(lds_->subscription()->version());
  lds_->subscription()->resources().forEach([&](const xds::KeptResource& kept) {
    v3::ListenersConfigDump::DynamicListener* entry = nullptr;
    for (auto& present : *out.mutable_dynamic_listeners()) {
      entry = present.name() == kept.name ? &present : entry;
    }
    if (entry == nullptr) {
      entry = out.add_dynamic_listeners();
      entry->set_name(kept.name);
    }
    entry->set_client_status(kept.refusal ? v3::NACKED : v3::ACKED);
    if (kept.refusal) {
      setError(*kept.refusal, *entry->mutable_error_state());
    }
  });
}

} // namespace moe::discovery
