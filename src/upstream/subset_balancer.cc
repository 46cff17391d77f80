#include "upstream/subset_balancer.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "upstream/balancers.h"

namespace moe::upstream {
namespace {

using Config = envoy::config::cluster::v3::Cluster::LbSubsetConfig;
using Selector = Config::LbSubsetSelector;
using Criterion = MetadataMatch::Criterion;

class SubsetBalancer final : public LoadBalancer {
public:
  SubsetBalancer(const ClusterInfo& info, const HostSetPtr& hosts, base::Random& random)
      : config_(info.proto().lb_subset_config()) {
    if (config_.fallback_policy() == Config::ANY_ENDPOINT || config_.panic_mode_any()) {
      any_ = createPlainBalancer(info, hosts, random);
    }
    bool wantsDefault = config_.fallback_policy() == Config::DEFAULT_SUBSET;
    for (const auto& selector : config_.subset_selectors()) {
      Group group;
      group.keys.assign(selector.keys().begin(), selector.keys().end());
      std::sort(group.keys.begin(), group.keys.end());
      group.keys.erase(std::unique(group.keys.begin(), group.keys.end()), group.keys.end());
      group.fallback = selector.fallback_policy();
      group.fallbackKeys.assign(selector.fallback_keys_subset().begin(),
                                selector.fallback_keys_subset().end());
      if (group.fallback == Selector::ANY_ENDPOINT && any_ == nullptr) {
        any_ = createPlainBalancer(info, hosts, random);
      }
      wantsDefault = wantsDefault || group.fallback == Selector::DEFAULT_SUBSET;
      build(group, info, *hosts, random);
      groups_.push_back(std::move(group));
    }
    if (wantsDefault) {
      const MetadataMatch wanted(config_.default_subset());
      default_ = createPlainBalancer(
          info, filter(*hosts, [&](const Host& host) { return matches(host, wanted); }), random);
    }
  }

  HostPtr chooseHost(const LoadBalancerContext& context) override {
    if (context.metadataMatch != nullptr && !context.metadataMatch->empty()) {
      bool settled = false;
      HostPtr host = fromGroups(context.metadataMatch->criteria(), context, settled, 0);
      if (settled) {
        return host;
      }
    }
    return fallback(context);
  }

private:
  struct Group {                   // the subsets of one selector
    std::vector<std::string> keys; // sorted
    Selector::LbSubsetSelectorFallbackPolicy fallback{};
    std::vector<std::string> fallbackKeys;
    std::map<std::string, LoadBalancerPtr, std::less<>> subsets; // by the joined values
  };

  static bool sameKeys(const std::vector<std::string>& keys,
                       const std::vector<Criterion>& criteria) {
    return std::equal(keys.begin(), keys.end(), criteria.begin(), criteria.end(),
                      [](const std::string& key, const Criterion& c) { return key == c.key; });
  }
  static void appendValue(std::string& key, std::string_view value) {
    key.append(value).push_back('\0');
  }
  static bool matches(const Host& host, const MetadataMatch& wanted) {
    return std::all_of(wanted.criteria().begin(), wanted.criteria().end(), [&](const Criterion& c) {
      const std::string* value = host.lbMetadata(c.key);
      return value != nullptr && *value == c.value;
    });
  }

  template <class F> static HostSetPtr filter(const HostSet& hosts, F&& keep) {
    auto result = std::make_shared<HostSet>();
    result->policy = hosts.policy;
    for (const HostSet::Priority& priority : hosts.priorities) {
      HostSet::Priority kept;
      for (const HostPtr& host : priority.hosts) {
        if (keep(*host)) {
          kept.hosts.push_back(host);
        }
      }
      for (const HostPtr& host : priority.healthy) {
        if (keep(*host)) {
          kept.healthy.push_back(host);
        }
      }
      result->priorities.push_back(std::move(kept));
    }
    return result;
  }

  static bool keyOf(const Host& host, const std::vector<std::string>& keys, std::string& out) {
    out.clear();
    for (const std::string& key : keys) {
      const std::string* value = host.lbMetadata(key);
      if (value == nullptr) {
        return false;
      }
      appendValue(out, *value);
    }
    return true;
  }

  void build(Group& group, const ClusterInfo& info, const HostSet& hosts, base::Random& random) {
    std::string key;
    std::string other;
    for (const HostSet::Priority& priority : hosts.priorities) {
      for (const HostPtr& host : priority.hosts) {
        if (keyOf(*host, group.keys, key) && group.subsets.find(key) == group.subsets.end()) {
          group.subsets.emplace(
              key, createPlainBalancer(info,
                                       filter(hosts,
                                              [&](const Host& h) {
                                                return keyOf(h, group.keys, other) && other == key;
                                              }),
                                       random));
        }
      }
    }
  }

  // `settled`: a subset or a selector's own fallback policy has decided, even if for no host.
  HostPtr fromGroups(const std::vector<Criterion>& criteria, const LoadBalancerContext& context,
                     bool& settled, int depth) {
    for (Group& group : groups_) {
      if (!sameKeys(group.keys, criteria)) {
        continue;
      }
      scratch_.clear();
      for (const Criterion& criterion : criteria) {
        appendValue(scratch_, criterion.value);
      }
      if (const auto found = group.subsets.find(scratch_); found != group.subsets.end()) {
        settled = true;
        return found->second->chooseHost(context);
      }
      switch (group.fallback) {
      case Selector::NO_FALLBACK:
        settled = true;
        return nullptr;
      case Selector::ANY_ENDPOINT:
        settled = true;
        return any_->chooseHost(context);
      case Selector::DEFAULT_SUBSET:
        settled = true;
        return default_->chooseHost(context);
      case Selector::KEYS_SUBSET: {
        settled = true;
        if (depth > 8) {
          return nullptr;
        }
        std::vector<Criterion> fewer;
        for (const Criterion& criterion : criteria) {
          if (std::find(group.fallbackKeys.begin(), group.fallbackKeys.end(), criterion.key) !=
              group.fallbackKeys.end()) {
            fewer.push_back(criterion);
          }
        }
        bool inner = false;
        HostPtr host = fromGroups(fewer, context, inner, depth + 1);
        return inner ? host : fallback(context);
      }
      default:
        break; // NOT_DEFINED: the cluster's policy
      }
    }
    return nullptr;
  }

  HostPtr fallback(const LoadBalancerContext& context) {
    switch (config_.fallback_policy()) {
    case Config::ANY_ENDPOINT:
      return any_->chooseHost(context);
    case Config::DEFAULT_SUBSET:
      if (HostPtr host = default_->chooseHost(context)) {
        return host;
      }
      return config_.panic_mode_any() ? any_->chooseHost(context) : nullptr;
    default: // NO_FALLBACK means none, in panic too
      return nullptr;
    }
  }

  const Config config_;
  std::vector<Group> groups_;
  LoadBalancerPtr any_;
  LoadBalancerPtr default_;
  std::string scratch_; // keeps its capacity: no allocation a request
};

} // namespace

LoadBalancerPtr createSubsetBalancer(const ClusterInfo& info, const HostSetPtr& hosts,
                                     base::Random& random) {
  return std::make_unique<SubsetBalancer>(info, hosts, random);
}

} // namespace moe::upstream
