#include "config/deterministic.h"
#include "server/listener_version.h"

namespace moe::server {

using config::FieldPath;
using Proto = envoy::config::listener::v3::Listener;

namespace {

// All but the filter chains.
std::string restOf(Proto proto) {
  proto.clear_filter_chains();
  proto.clear_default_filter_chain();
  return config::deterministic(proto);
}

// Where each chain of `now` was in `before`.
std::vector<size_t> placesBefore(const ListenerConfig& now, const ListenerConfig& before) {
  absl::flat_hash_map<const FilterChain*, size_t> places;
  for (size_t i = 0; i <= before.chains.size(); ++i) {
    places[before.chainAt(i).get()] = i;
  }
  std::vector<size_t> out;
  for (size_t i = 0; i <= now.chains.size(); ++i) {
    const auto found = places.find(now.chainAt(i).get());
    const bool same = now.chainAt(i) != nullptr && found != places.end();
    out.push_back(same ? found->second : ListenerUpdate::kNewChain);
  }
  return out;
}

} // namespace

absl::StatusOr<ListenerManager::VersionPtr> ListenerManager::compile(const Proto& proto,
                                                                     const FieldPath& path,
                                                                     const Version* before,
                                                                     bool dynamic) {
  auto version = std::make_unique<Version>();
  version->name = proto.name();
  version->bytes = config::deterministic(proto);
  ListenerBefore goesOn;
  bool inPlace = false;
  if (before != nullptr) {
    goesOn.state = before->config->state;
    Proto old;
    old.ParsePartialFromString(before->bytes);
    inPlace = restOf(old) == restOf(proto);
    for (int i = 0; inPlace && i < old.filter_chains_size(); ++i) {
      goesOn.chains[chainKey(old.filter_chains(i), false)] =
          before->config->chains[static_cast<size_t>(i)];
    }
    if (inPlace && old.has_default_filter_chain()) {
      goesOn.chains[chainKey(old.default_filter_chain(), true)] = before->config->defaultChain;
    }
  }
  proxy::FactoryContext context = options_.context;
  context.warming = &version->waits;
  context.dynamic = dynamic;
  auto compiled = compileListener(proto, path, options_.listenerFilters, options_.networkFilters,
                                  context, goesOn);
  if (!compiled.ok()) {
    return compiled.status();
  }
  if (inPlace) {
    version->same =
        std::make_shared<const std::vector<size_t>>(placesBefore(**compiled, *before->config));
  }
  keepChains(**compiled, goesOn);
  const ListenerConfig* key = compiled->get();
  version->config =
      endings_->keep<const ListenerConfig>(*compiled, [this, key, alive = std::weak_ptr(alive_)] {
        if (!alive.expired() && draining_.erase(key) > 0) {
          stats_.draining.dec();
        }
      });
  return version;
}

// The last worker that has a chain shall not be the one that ends it.
void ListenerManager::keepChains(ListenerConfig& config, const ListenerBefore& before) {
  std::set<const FilterChain*> kept;
  for (const auto& [key, chain] : before.chains) {
    kept.insert(chain.get());
  }
  const auto keep = [&](FilterChainPtr& chain) {
    if (chain == nullptr || kept.contains(chain.get())) {
      return;
    }
    chain = endings_->keep(chain, [this, key = chain.get(), alive = std::weak_ptr(alive_)] {
      if (!alive.expired() && drainingChains_.erase(key) > 0) {
        stats_.chainsDraining.dec();
      }
    });
  };
  for (FilterChainPtr& chain : config.chains) {
    keep(chain);
  }
  keep(config.defaultChain);
}

} // namespace moe::server
