#include "route/route_entry.h"

#include "base/strings.h"
#include "http/path.h"
#include "http/validation.h"
#include "route/string_match.h"

namespace moe::route {
namespace {

// The authority without its port ("[::1]:80" -> "[::1]").
std::string_view hostOf(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return authority;
  }
  return authority.substr(0, colon);
}

} // namespace

// From the least to the most specific.
template <class F> void RouteEntry::eachFilterLevel(F&& f) const {
  f(route_->host->table->filters);
  f(route_->host->filters);
  f(route_->filters);
  f(target_.filters);
}

const http::RouteFilterConfig* RouteEntry::perFilterConfig(std::string_view name) const {
  const http::RouteFilterConfig* found = nullptr;
  eachFilterLevel([&](const FilterConfigs& level) {
    const auto* entry = level.find(name);
    if (entry != nullptr && entry->config != nullptr) {
      found = entry->config.get();
    }
  });
  return found;
}

void RouteEntry::forEachPerFilterConfig(
    std::string_view name, const std::function<void(const http::RouteFilterConfig&)>& f) const {
  eachFilterLevel([&](const FilterConfigs& level) {
    const auto* entry = level.find(name);
    if (entry != nullptr && entry->config != nullptr) {
      f(*entry->config);
    }
  });
}

std::optional<bool> RouteEntry::filterDisabled(std::string_view name) const {
  std::optional<bool> disabled;
  eachFilterLevel([&](const FilterConfigs& level) {
    if (const auto* entry = level.find(name); entry != nullptr) {
      disabled = entry->disabled;
    }
  });
  return disabled;
}

std::optional<std::string> RouteEntry::rewritten(std::string_view path,
                                                 const std::string& prefixRewrite, const RE2* regex,
                                                 const std::string& substitution) const {
  const std::string_view only = http::pathOnly(path);
  const std::string_view rest = path.substr(only.size());
  if (regex != nullptr) {
    std::string text(only);
    RE2::GlobalReplace(&text, *regex, substitution);
    return text.append(rest);
  }
  if (prefixRewrite.empty()) {
    return std::nullopt;
  }
  const size_t replaced =
      route_->matchedWhole ? only.size() : std::min(route_->matchedPrefix.size(), only.size());
  return base::cat(prefixRewrite, only.substr(replaced), rest);
}

std::optional<Route::Redirect> RouteEntry::redirect(const http::HeaderMap& request) const {
  using Action = envoy::config::route::v3::RedirectAction;
  if (!route_->proto.has_redirect()) {
    return std::nullopt;
  }
  const Action& action = route_->proto.redirect();
  const std::string_view scheme = request.scheme().empty() ? "http" : request.scheme();
  std::string_view newScheme = scheme;
  if (action.https_redirect()) {
    newScheme = "https";
  } else if (!action.scheme_redirect().empty()) {
    newScheme = action.scheme_redirect();
  }
  const std::string_view authority = request.authority();
  std::string_view host = hostOf(authority);
  std::string_view port = authority.substr(host.size()); // with its colon
  // A default port of the old scheme means nothing under the new one.
  if (newScheme != scheme && (port == ":80" || port == ":443")) {
    port = {};
  }
  if (!action.host_redirect().empty()) {
    host = action.host_redirect();
    port = {};
  }
  const std::string newPort =
      action.port_redirect() != 0 ? base::cat(":", action.port_redirect()) : std::string(port);
  std::string path(request.path());
  if (!action.path_redirect().empty()) {
    path = action.path_redirect();
    if (path.find('?') == std::string::npos && !action.strip_query()) {
      const std::string_view query = http::queryOf(request.path());
      path = query.empty() ? path : base::cat(path, "?", query);
    }
  } else {
    if (auto changed = rewritten(path, action.prefix_rewrite(), route_->rewriteRegex.get(),
                                 action.regex_rewrite().substitution())) {
      path = std::move(*changed);
    }
    if (action.strip_query()) {
      path.resize(http::pathOnly(path).size());
    }
  }
  uint32_t status = 301;
  switch (action.response_code()) {
  case Action::FOUND:
    status = 302;
    break;
  case Action::SEE_OTHER:
    status = 303;
    break;
  case Action::TEMPORARY_REDIRECT:
    status = 307;
    break;
  case Action::PERMANENT_REDIRECT:
    status = 308;
    break;
  default:
    break;
  }
  return Redirect{status, base::cat(newScheme, "://", host, newPort, path)};
}

std::optional<Route::DirectResponse> RouteEntry::directResponse() const {
  if (!route_->proto.has_direct_response()) {
    return std::nullopt;
  }
  return DirectResponse{route_->proto.direct_response().status(), route_->directBody};
}

std::string_view RouteEntry::clusterFor(const http::HeaderMap& request) const {
  if (!target_.clusterHeader.empty()) {
    return request.get(target_.clusterHeader).value_or("");
  }
  return target_.cluster;
}

void RouteEntry::rewriteHost(http::HeaderMap& request) const {
  using Action = envoy::config::route::v3::RouteAction;
  const Action& action = route_->proto.route();
  std::string host = target_.hostRewrite;
  if (host.empty()) {
    switch (action.host_rewrite_specifier_case()) {
    case Action::kHostRewriteLiteral:
      host = action.host_rewrite_literal();
      break;
    case Action::kHostRewriteHeader:
      host = request.get(route_->hostHeader).value_or("");
      break;
    case Action::kHostRewritePathRegex: {
      host = std::string(http::pathOnly(request.path()));
      RE2::GlobalReplace(&host, *route_->hostRegex,
                         action.host_rewrite_path_regex().substitution());
      break;
    }
    default:
      break;
    }
  }
  replaceHost(request, host);
}

// Headers and paths hold more than a host may: what is no host replaces none.
void RouteEntry::replaceHost(http::HeaderMap& request, std::string_view host) const {
  if (host.empty() || !http::isAuthority(host)) {
    return;
  }
  if (route_->proto.route().append_x_forwarded_host() && !request.authority().empty()) {
    request.appendValue(http::HeaderId::ForwardedHost, request.authority());
  }
  request.set(http::HeaderId::Authority, host);
}

void RouteEntry::rewriteHostFor(http::HeaderMap& request, std::string_view endpoint) const {
  if (route_->proto.route().auto_host_rewrite().value()) {
    replaceHost(request, endpoint);
  }
}

void RouteEntry::finalizeRequestHeaders(http::HeaderMap& request,
                                        const http::StreamInfo& info) const {
  const http::FormatContext context{info, &request};
  const HeaderMutation* levels[] = {&target_.request, &route_->request, &route_->host->request,
                                    &route_->host->table->request};
  // The one applied last wins: by default the table's.
  const bool specificLast = route_->host->table->mostSpecificWins;
  for (size_t i = 0; i < std::size(levels); ++i) {
    levels[specificLast ? std::size(levels) - 1 - i : i]->apply(request, context);
  }
  if (!route_->proto.has_route()) {
    return;
  }
  const auto& action = route_->proto.route();
  if (auto path = rewritten(request.path(), action.prefix_rewrite(), route_->rewriteRegex.get(),
                            action.regex_rewrite().substitution())) {
    request.set(http::HeaderId::EnvoyOriginalPath, request.path());
    request.set(http::HeaderId::Path, *path);
  }
  rewriteHost(request);
}

void RouteEntry::finalizeResponseHeaders(http::HeaderMap& response, const http::HeaderMap& request,
                                         const http::StreamInfo& info) const {
  const http::FormatContext context{info, &request, &response};
  const HeaderMutation* levels[] = {&target_.response, &route_->response, &route_->host->response,
                                    &route_->host->table->response};
  const bool specificLast = route_->host->table->mostSpecificWins;
  for (size_t i = 0; i < std::size(levels); ++i) {
    levels[specificLast ? std::size(levels) - 1 - i : i]->apply(response, context);
  }
}

std::optional<bool> RouteEntry::upgradeAllowed(std::string_view upgradeType) const {
  for (const auto& config : route_->proto.route().upgrade_configs()) {
    if (equalNoCase(config.upgrade_type(), upgradeType)) {
      return !config.has_enabled() || config.enabled().value();
    }
  }
  return std::nullopt;
}

} // namespace moe::route
