#include "route/route_compiler.h"

#include <algorithm>

#include "base/strings.h"
#include "config/duration.h"
#include "route/string_match.h"

namespace moe::route {
namespace {

using RouteProto = envoy::config::route::v3::Route;
using Action = envoy::config::route::v3::RouteAction;
using config::fieldError;
using config::FieldPath;

absl::Status checkCluster(const std::string& name, bool validate, const RouteTableContext& context,
                          const FieldPath& path) {
  if (name.empty()) {
    return fieldError(path, "nothing", "a cluster's name");
  }
  if (validate && context.clusterExists && !context.clusterExists(name)) {
    return fieldError(path, config::inQuotes(name),
                      "the name of a cluster in static_resources.clusters");
  }
  return absl::OkStatus();
}

const google::protobuf::Struct* lbMetadata(const envoy::config::core::v3::Metadata& metadata) {
  const auto found = metadata.filter_metadata().find("envoy.lb");
  return found == metadata.filter_metadata().end() ? nullptr : &found->second;
}

// A header name as header maps have it.
std::string lowered(std::string name) {
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

absl::Status readAction(const Action& action, const FieldPath& path, RouteLevel& out) {
  if (action.has_timeout()) {
    auto timeout = config::toMillis(action.timeout(), path.field("timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    out.timeout = *timeout;
  }
  if (action.has_idle_timeout()) {
    auto timeout = config::toMillis(action.idle_timeout(), path.field("idle_timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    out.idleTimeout = *timeout;
  }
  if (absl::Status status = StreamLimits::read(action, path, out.limits); !status.ok()) {
    return status;
  }
  if (action.has_internal_redirect_policy()) {
    auto policy = RedirectPolicy::compile(action.internal_redirect_policy(),
                                          path.field("internal_redirect_policy"));
    if (!policy.ok()) {
      return policy.status();
    }
    out.redirectPolicy = std::move(*policy);
  }
  if (action.has_retry_policy()) {
    auto policy = RetryPolicy::compile(action.retry_policy(), path.field("retry_policy"));
    if (!policy.ok()) {
      return policy.status();
    }
    out.retryPolicy = std::move(*policy);
  }
  if (!action.prefix_rewrite().empty() && action.has_regex_rewrite()) {
    return fieldError(path, "prefix_rewrite and regex_rewrite", "one of them");
  }
  if (action.has_regex_rewrite()) {
    auto regex = compileRegex(action.regex_rewrite().pattern(),
                              path.field("regex_rewrite").field("pattern"));
    if (!regex.ok()) {
      return regex.status();
    }
    out.rewriteRegex = std::move(*regex);
  }
  if (action.has_host_rewrite_path_regex()) {
    auto regex = compileRegex(action.host_rewrite_path_regex().pattern(),
                              path.field("host_rewrite_path_regex").field("pattern"));
    if (!regex.ok()) {
      return regex.status();
    }
    out.hostRegex = std::move(*regex);
  }
  out.hostHeader = lowered(action.host_rewrite_header());
  switch (action.cluster_not_found_response_code()) {
  case Action::NOT_FOUND:
    out.clusterNotFoundStatus = 404;
    break;
  case Action::INTERNAL_SERVER_ERROR:
    out.clusterNotFoundStatus = 500;
    break;
  default:
    break;
  }
  return absl::OkStatus();
}

absl::Status addWeighted(const envoy::config::route::v3::WeightedCluster& weighted,
                         const std::shared_ptr<const RouteLevel>& level,
                         const upstream::MetadataMatch& base, bool validate,
                         const RouteTableContext& context, const FieldPath& path,
                         CompiledRoute& out) {
  for (int i = 0; i < weighted.clusters_size(); ++i) {
    const auto& cluster = weighted.clusters(i);
    const FieldPath at = path.field("clusters").index(static_cast<size_t>(i));
    RouteEntry::Target target;
    target.cluster = cluster.name();
    target.hostRewrite = cluster.host_rewrite_literal();
    target.clusterHeader = lowered(cluster.cluster_header());
    if (target.clusterHeader.empty()) {
      if (absl::Status status = checkCluster(target.cluster, validate, context, at.field("name"));
          !status.ok()) {
        return status;
      }
    }
    auto request = HeaderMutation::compile(
        cluster.request_headers_to_add(), cluster.request_headers_to_remove(),
        at.field("request_headers_to_add"), at.field("request_headers_to_remove"));
    if (!request.ok()) {
      return request.status();
    }
    auto response = HeaderMutation::compile(
        cluster.response_headers_to_add(), cluster.response_headers_to_remove(),
        at.field("response_headers_to_add"), at.field("response_headers_to_remove"));
    if (!response.ok()) {
      return response.status();
    }
    auto filters = compileFilterConfigs(cluster.typed_per_filter_config(), context,
                                        at.field("typed_per_filter_config"));
    if (!filters.ok()) {
      return filters.status();
    }
    target.request = std::move(*request);
    target.response = std::move(*response);
    target.filters = std::move(*filters);
    const auto* fields = lbMetadata(cluster.metadata_match());
    target.metadataMatch = fields == nullptr ? base : base.merged(*fields);
    out.totalWeight += cluster.weight().value();
    out.bounds.push_back(out.totalWeight);
    out.entries.push_back(std::make_unique<RouteEntry>(level, std::move(target)));
  }
  if (out.totalWeight == 0) {
    return fieldError(path.field("clusters"), "a sum of weights of 0", "at least 1");
  }
  return absl::OkStatus();
}

} // namespace

bool CompiledRoute::fits(std::string_view pathText, bool connect, const http::HeaderMap& headers,
                         uint64_t random) const {
  if (!path.fits(pathText, connect)) {
    return false;
  }
  for (const RequestMatcher& matcher : matchers) {
    if (!matcher(headers, random)) {
      return false;
    }
  }
  return true;
}

const RouteEntry& CompiledRoute::choose(uint64_t random) const {
  if (entries.size() == 1) {
    return *entries.front();
  }
  // The fraction matchers used the low bits.
  const uint64_t at = (random >> 20) % totalWeight;
  const auto found = std::upper_bound(bounds.begin(), bounds.end(), at);
  return *entries[static_cast<size_t>(found - bounds.begin())];
}

absl::StatusOr<CompiledRoute> compileRoute(const RouteProto& proto, const HostLevel& host,
                                           bool validateClusters, uint32_t maxDirectBody,
                                           const RouteTableContext& context,
                                           const FieldPath& path) {
  CompiledRoute out;
  auto level = std::make_shared<RouteLevel>();
  level->proto = proto;
  level->host = &host;
  auto pathMatch = PathMatch::compile(proto.match(), path.field("match"));
  if (!pathMatch.ok()) {
    return pathMatch.status();
  }
  out.path = std::move(*pathMatch);
  level->matchedPrefix = out.path.prefix();
  level->matchedWhole = out.path.whole();
  auto matchers = compileRequestMatchers(proto.match(), path.field("match"), context.runtime);
  if (!matchers.ok()) {
    return matchers.status();
  }
  out.matchers = std::move(*matchers);
  auto request = HeaderMutation::compile(
      proto.request_headers_to_add(), proto.request_headers_to_remove(),
      path.field("request_headers_to_add"), path.field("request_headers_to_remove"));
  if (!request.ok()) {
    return request.status();
  }
  level->request = std::move(*request);
  auto response = HeaderMutation::compile(
      proto.response_headers_to_add(), proto.response_headers_to_remove(),
      path.field("response_headers_to_add"), path.field("response_headers_to_remove"));
  if (!response.ok()) {
    return response.status();
  }
  level->response = std::move(*response);
  auto filters = compileFilterConfigs(proto.typed_per_filter_config(), context,
                                      path.field("typed_per_filter_config"));
  if (!filters.ok()) {
    return filters.status();
  }
  level->filters = std::move(*filters);
  for (const auto& [name, fields] : proto.metadata().filter_metadata()) {
    level->metadata.emplace(name, fields);
  }

  switch (proto.action_case()) {
  case RouteProto::kRedirect: {
    const FieldPath at = path.field("redirect");
    if (proto.redirect().has_regex_rewrite()) {
      auto regex = compileRegex(proto.redirect().regex_rewrite().pattern(),
                                at.field("regex_rewrite").field("pattern"));
      if (!regex.ok()) {
        return regex.status();
      }
      level->rewriteRegex = std::move(*regex);
    }
    out.entries.push_back(std::make_unique<RouteEntry>(level, RouteEntry::Target()));
    return out;
  }
  case RouteProto::kDirectResponse: {
    const FieldPath at = path.field("direct_response");
    const auto& body = proto.direct_response().body();
    if (body.has_filename() || body.has_environment_variable()) {
      const bool file = body.has_filename();
      return fieldError(at.field("body").field(file ? "filename" : "environment_variable"),
                        config::inQuotes(file ? body.filename() : body.environment_variable()),
                        "inline_string or inline_bytes");
    }
    level->directBody = body.has_inline_bytes() ? body.inline_bytes() : body.inline_string();
    if (level->directBody.size() > maxDirectBody) {
      return fieldError(
          at.field("body"), base::cat(level->directBody.size(), " bytes"),
          base::cat("at most ", maxDirectBody, " (max_direct_response_body_size_bytes)"));
    }
    out.entries.push_back(std::make_unique<RouteEntry>(level, RouteEntry::Target()));
    return out;
  }
  case RouteProto::kRoute:
    break;
  default:
    return fieldError(path, "no action", "route, redirect or direct_response");
  }

  const Action& action = proto.route();
  const FieldPath at = path.field("route");
  if (absl::Status status = readAction(action, at, *level); !status.ok()) {
    return status;
  }
  upstream::MetadataMatch match;
  if (const auto* fields = lbMetadata(action.metadata_match()); fields != nullptr) {
    match = upstream::MetadataMatch(*fields);
  }
  RouteEntry::Target target;
  target.metadataMatch = match;
  switch (action.cluster_specifier_case()) {
  case Action::kCluster:
    target.cluster = action.cluster();
    if (absl::Status status =
            checkCluster(target.cluster, validateClusters, context, at.field("cluster"));
        !status.ok()) {
      return status;
    }
    break;
  case Action::kClusterHeader:
    target.clusterHeader = lowered(action.cluster_header());
    break;
  case Action::kWeightedClusters:
    if (absl::Status status =
            addWeighted(action.weighted_clusters(), level, match, validateClusters, context,
                        at.field("weighted_clusters"), out);
        !status.ok()) {
      return status;
    }
    return out;
  default:
    return fieldError(at, "no cluster", "cluster, cluster_header or weighted_clusters");
  }
  out.entries.push_back(std::make_unique<RouteEntry>(level, std::move(target)));
  return out;
}

} // namespace moe::route
