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
    entry.set_version_info(kept.firstVersion);
    *entry.mutable_last_updated() = TimeUtil::NanosecondsToTimestamp(kept.acceptedWallNanos);
  }
  entry.set_client_status(kept.refusal ? v3::NACKED : v3::ACKED);
  if (kept.refusal) {
    setError(*kept.refusal, *entry.mutable_error_state());
  }
}

} // namespace

std::map<std::string, std::string> Dynamic::texts() const {
  std::map<std::string, std::string> out;
  if (sources_ == nullptr) {
    return out;
  }
  sources_->forEachStream([&](const xds::Mux& stream) {
    out[base::cat(stream.scope().prefix(), "control_plane.identifier")] = stream.controlPlane();
  });
  if (cds_ != nullptr && cds_->subscription() != nullptr) {
    out["cluster_manager.cds.version_text"] = cds_->subscription()->version();
  }
  if (lds_ != nullptr && lds_->subscription() != nullptr) {
    out["listener_manager.lds.version_text"] = lds_->subscription()->version();
  }
  return out;
}

void Dynamic::dump(v3::ClustersConfigDump& out) const {
  if (sources_ == nullptr || cds_ == nullptr || cds_->subscription() == nullptr) {
    return;
  }
  std::map<std::string, const envoy::config::cluster::v3::Cluster*> active;
  std::set<std::string> warming;
  manager_->forEach([&](const upstream::ClusterInfo& info, const upstream::HostSet& /*hosts*/) {
    active[info.name()] = &info.proto();
  });
  manager_->forEachWarming(
      [&](const upstream::ClusterInfo& info, const upstream::HostSet& /*hosts*/) {
        warming.insert(info.name());
      });
  out.set_version_info(cds_->subscription()->version());
  cds_->subscription()->resources().forEach([&](const xds::KeptResource& kept) {
    if (clusters_->isStatic(kept.name)) {
      return; // and stays so
    }
    const bool warms = warming.contains(kept.name);
    const auto serves = active.find(kept.name);
    if (warms && serves != active.end()) { // what came before serves
      out.add_dynamic_active_clusters()->mutable_cluster()->PackFrom(*serves->second);
    }
    auto& entry = warms ? *out.add_dynamic_warming_clusters() : *out.add_dynamic_active_clusters();
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

void Dynamic::dump(v3::EcdsConfigDump& out) const {
  if (sources_ == nullptr) {
    return;
  }
  sources_->forEach(xds::kExtensionType, [&](const xds::Subscription& subscription) {
    subscription.resources().forEach([&](const xds::KeptResource& kept) {
      auto& entry = *out.add_ecds_filters();
      fill(kept, entry);
      if (kept.accepted) {
        *entry.mutable_ecds_filter() = kept.body;
      }
    });
  });
}

void Dynamic::dumpRefused(v3::ListenersConfigDump& out) const {
  if (sources_ == nullptr || lds_ == nullptr || lds_->subscription() == nullptr) {
    return;
  }
  out.set_version_info(lds_->subscription()->version());
  std::map<std::string, v3::ListenersConfigDump::DynamicListener*> entries;
  for (auto& present : *out.mutable_dynamic_listeners()) {
    entries[present.name()] = &present;
  }
  lds_->subscription()->resources().forEach([&](const xds::KeptResource& kept) {
    auto& entry = entries[kept.name];
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
