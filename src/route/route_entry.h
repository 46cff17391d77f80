#pragma once

#include <memory>
#include <vector>

#include "envoy/config/route/v3/route_components.pb.h"
#include "re2/re2.h"
#include "route/filter_configs.h"
#include "route/header_mutation.h"
#include "route/request_match.h"
#include "route/route.h"

namespace moe::route {

// What all virtual hosts of a table share, and all routes of a virtual host.
struct TableLevel {
  HeaderMutation request;
  HeaderMutation response;
  FilterConfigs filters;
  bool mostSpecificWins = false;
};
struct HostLevel {
  std::string name;
  HeaderMutation request;
  HeaderMutation response;
  FilterConfigs filters;
  std::optional<RetryPolicy> retryPolicy; // of routes that have none
  bool countsAttempts = false;
  bool showsAttempts = false;
  const TableLevel* table = nullptr;
};

// The compiled part of a route that its weighted clusters share.
struct RouteLevel {
  envoy::config::route::v3::Route proto;
  const HostLevel* host = nullptr;
  HeaderMutation request;
  HeaderMutation response;
  FilterConfigs filters;
  http::Metadata metadata;
  std::shared_ptr<const RE2> pathRegex; // of the match, for prefix_rewrite of regex routes and such
  std::shared_ptr<const RE2> rewriteRegex;
  std::shared_ptr<const RE2> hostRegex;
  base::Milliseconds timeout{15'000};
  std::optional<base::Milliseconds> idleTimeout;
  StreamLimits limits;
  std::optional<RedirectPolicy> redirectPolicy;
  std::optional<RetryPolicy> retryPolicy;
  std::string directBody;
  std::string matchedPrefix; // what prefix_rewrite replaces
  std::string hostHeader;    // host_rewrite_header in lower case
  bool matchedWhole = false; // path: the whole path is replaced
  uint32_t clusterNotFoundStatus = 503;
};

// A route, or one weighted cluster of it.
class RouteEntry final : public Route {
public:
  struct Target {
    std::string cluster;
    std::string clusterHeader; // lower case; instead of cluster
    std::string hostRewrite;
    HeaderMutation request;
    HeaderMutation response;
    FilterConfigs filters;
    upstream::MetadataMatch metadataMatch;
  };
  RouteEntry(std::shared_ptr<const RouteLevel> route, Target target)
      : route_(std::move(route)), target_(std::move(target)) {
    streamLimits_ = route_->limits.any() ? &route_->limits : nullptr;
    redirectPolicy_ = route_->redirectPolicy.has_value() ? &*route_->redirectPolicy : nullptr;
    const auto& retries =
        route_->retryPolicy.has_value() ? route_->retryPolicy : route_->host->retryPolicy;
    retryPolicy_ = retries.has_value() ? &*retries : nullptr;
    countsAttempts_ = route_->host->countsAttempts;
    showsAttempts_ = route_->host->showsAttempts;
  }

  // http::RouteView
  std::string_view routeName() const override { return route_->proto.name(); }
  std::string_view clusterName() const override { return target_.cluster; }
  std::string_view virtualHostName() const override { return route_->host->name; }
  const http::RouteFilterConfig* perFilterConfig(std::string_view name) const override;
  void forEachPerFilterConfig(
      std::string_view name,
      const std::function<void(const http::RouteFilterConfig&)>& f) const override;
  std::optional<bool> filterDisabled(std::string_view name) const override;
  const http::Metadata* metadata() const override { return &route_->metadata; }

  // Route
  std::optional<Redirect> redirect(const http::HeaderMap& request) const override;
  std::optional<DirectResponse> directResponse() const override;
  std::string_view clusterFor(const http::HeaderMap& request) const override;
  uint32_t clusterNotFoundStatus() const override { return route_->clusterNotFoundStatus; }
  base::Milliseconds timeout() const override { return route_->timeout; }
  std::optional<base::Milliseconds> idleTimeout() const override { return route_->idleTimeout; }
  const upstream::MetadataMatch* metadataMatch() const override {
    return target_.metadataMatch.empty() ? nullptr : &target_.metadataMatch;
  }
  void finalizeRequestHeaders(http::HeaderMap& request,
                              const http::StreamInfo& info) const override;
  void finalizeResponseHeaders(http::HeaderMap& response, const http::HeaderMap& request,
                               const http::StreamInfo& info) const override;
  void rewriteHostFor(http::HeaderMap& request, std::string_view endpoint) const override;
  std::optional<bool> upgradeAllowed(std::string_view upgradeType) const override;

private:
  // The path with prefix_rewrite or regex_rewrite applied, or nothing.
  std::optional<std::string> rewritten(std::string_view path, const std::string& prefixRewrite,
                                       const RE2* regex, const std::string& substitution) const;
  void rewriteHost(http::HeaderMap& request) const;
  void replaceHost(http::HeaderMap& request, std::string_view host) const;
  template <class F> void eachFilterLevel(F&& f) const;

  std::shared_ptr<const RouteLevel> route_;
  Target target_;
};

} // namespace moe::route
