#include "route/route_table.h"

#include <algorithm>

#include "base/strings.h"
#include "http/path.h"
#include "route/route_compiler.h"

namespace moe::route {
namespace {

using TableProto = envoy::config::route::v3::RouteConfiguration;
using HostProto = envoy::config::route::v3::VirtualHost;
using config::fieldError;
using config::FieldPath;

struct Host {
  HostLevel level;
  HostProto::TlsRequirementType requireTls{};
  std::vector<CompiledRoute> routes;
};

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

class Table final : public RouteTable {
public:
  explicit Table(const TableProto& proto) : proto_(proto) {}

  absl::Status compile(const RouteTableContext& context, const FieldPath& path);

  const Route* match(const http::HeaderMap& request, const http::StreamInfo& info,
                     uint64_t random) const override;
  std::string_view name() const override { return proto_.name(); }
  const TableProto& proto() const override { return proto_; }

private:
  struct Wildcard {
    std::string text; // without the '*'
    const Host* host;
  };
  absl::Status addHost(const HostProto& proto, bool validate, const RouteTableContext& context,
                       const FieldPath& path);
  absl::Status addDomain(const std::string& domain, const Host& host, const FieldPath& path);
  const Host* findHost(std::string_view authority) const;

  const TableProto proto_;
  TableLevel level_;
  std::vector<std::unique_ptr<Host>> hosts_;
  base::StringMap<const Host*> exact_;
  std::vector<Wildcard> suffixes_; // "*.foo.com", the longest first
  std::vector<Wildcard> prefixes_; // "foo.*", the longest first
  const Host* any_ = nullptr;
  HostLevel tlsHost_;
  std::unique_ptr<RouteEntry> tlsRedirect_;
};

absl::Status Table::addDomain(const std::string& domain, const Host& host, const FieldPath& path) {
  const std::string text = lowered(domain);
  absl::Status duplicate = fieldError(path, base::cat("\"", domain, "\" again"),
                                      "a domain that no other virtual host has");
  if (text == "*") {
    if (any_ != nullptr) {
      return duplicate;
    }
    any_ = &host;
    return absl::OkStatus();
  }
  auto* list = text.starts_with('*') ? &suffixes_ : text.ends_with('*') ? &prefixes_ : nullptr;
  if (list == nullptr) {
    return exact_.emplace(text, &host).second ? absl::OkStatus() : duplicate;
  }
  std::string rest = text.starts_with('*') ? text.substr(1) : text.substr(0, text.size() - 1);
  if (rest.find('*') != std::string::npos) {
    return fieldError(path, config::inQuotes(domain), "one * at the beginning or the end");
  }
  if (std::any_of(list->begin(), list->end(), [&](const Wildcard& w) { return w.text == rest; })) {
    return duplicate;
  }
  list->push_back({std::move(rest), &host});
  return absl::OkStatus();
}

absl::Status Table::addHost(const HostProto& proto, bool validate, const RouteTableContext& context,
                            const FieldPath& path) {
  auto host = std::make_unique<Host>();
  host->level.name = proto.name();
  host->level.table = &level_;
  host->requireTls = proto.require_tls();
  host->level.countsAttempts = proto.include_request_attempt_count();
  host->level.showsAttempts = proto.include_attempt_count_in_response();
  if (proto.has_retry_policy()) {
    auto policy = RetryPolicy::compile(proto.retry_policy(), path.field("retry_policy"));
    if (!policy.ok()) {
      return policy.status();
    }
    host->level.retryPolicy = std::move(*policy);
  }
  auto request = HeaderMutation::compile(
      proto.request_headers_to_add(), proto.request_headers_to_remove(),
      path.field("request_headers_to_add"), path.field("request_headers_to_remove"));
  if (!request.ok()) {
    return request.status();
  }
  auto response = HeaderMutation::compile(
      proto.response_headers_to_add(), proto.response_headers_to_remove(),
      path.field("response_headers_to_add"), path.field("response_headers_to_remove"));
  if (!response.ok()) {
    return response.status();
  }
  auto filters = compileFilterConfigs(proto.typed_per_filter_config(), context,
                                      path.field("typed_per_filter_config"));
  if (!filters.ok()) {
    return filters.status();
  }
  host->level.request = std::move(*request);
  host->level.response = std::move(*response);
  host->level.filters = std::move(*filters);
  const uint32_t maxBody = proto_.has_max_direct_response_body_size_bytes()
                               ? proto_.max_direct_response_body_size_bytes().value()
                               : 4096;
  for (int i = 0; i < proto.routes_size(); ++i) {
    auto route = compileRoute(proto.routes(i), host->level, validate, maxBody, context,
                              path.field("routes").index(static_cast<size_t>(i)));
    if (!route.ok()) {
      return route.status();
    }
    host->routes.push_back(std::move(*route));
  }
  for (int i = 0; i < proto.domains_size(); ++i) {
    if (absl::Status status =
            addDomain(proto.domains(i), *host, path.field("domains").index(static_cast<size_t>(i)));
        !status.ok()) {
      return status;
    }
  }
  hosts_.push_back(std::move(host));
  return absl::OkStatus();
}

absl::Status Table::compile(const RouteTableContext& context, const FieldPath& path) {
  level_.mostSpecificWins = proto_.most_specific_header_mutations_wins();
  auto request = HeaderMutation::compile(
      proto_.request_headers_to_add(), proto_.request_headers_to_remove(),
      path.field("request_headers_to_add"), path.field("request_headers_to_remove"));
  if (!request.ok()) {
    return request.status();
  }
  auto response = HeaderMutation::compile(
      proto_.response_headers_to_add(), proto_.response_headers_to_remove(),
      path.field("response_headers_to_add"), path.field("response_headers_to_remove"));
  if (!response.ok()) {
    return response.status();
  }
  auto filters = compileFilterConfigs(proto_.typed_per_filter_config(), context,
                                      path.field("typed_per_filter_config"));
  if (!filters.ok()) {
    return filters.status();
  }
  level_.request = std::move(*request);
  level_.response = std::move(*response);
  level_.filters = std::move(*filters);
  const bool validate = proto_.has_validate_clusters() ? proto_.validate_clusters().value()
                                                       : context.validateClustersByDefault;
  base::StringMap<int> names;
  for (int i = 0; i < proto_.virtual_hosts_size(); ++i) {
    const FieldPath at = path.field("virtual_hosts").index(static_cast<size_t>(i));
    if (!names.emplace(proto_.virtual_hosts(i).name(), i).second) {
      return fieldError(at.field("name"),
                        base::cat("\"", proto_.virtual_hosts(i).name(), "\" again"),
                        "a name that no other virtual host has");
    }
    if (absl::Status status = addHost(proto_.virtual_hosts(i), validate, context, at);
        !status.ok()) {
      return status;
    }
  }
  const auto longest = [](const Wildcard& a, const Wildcard& b) {
    return a.text.size() > b.text.size();
  };
  std::stable_sort(suffixes_.begin(), suffixes_.end(), longest);
  std::stable_sort(prefixes_.begin(), prefixes_.end(), longest);

  auto tls = std::make_shared<RouteLevel>();
  tls->proto.mutable_redirect()->set_https_redirect(true);
  tlsHost_.table = &level_;
  tls->host = &tlsHost_;
  tlsRedirect_ = std::make_unique<RouteEntry>(std::move(tls), RouteEntry::Target());
  return absl::OkStatus();
}

const Host* Table::findHost(std::string_view authority) const {
  if (exact_.empty() && suffixes_.empty() && prefixes_.empty()) {
    return any_;
  }
  // Case does not count. Most hosts are lower case and short: no allocation.
  char folded[256];
  std::string large;
  std::string_view host = authority;
  if (proto_.ignore_port_in_host_matching()) {
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
      host = host.substr(0, colon);
    }
  }
  if (host.size() <= sizeof(folded)) {
    for (size_t i = 0; i < host.size(); ++i) {
      folded[i] =
          host[i] >= 'A' && host[i] <= 'Z' ? static_cast<char>(host[i] - 'A' + 'a') : host[i];
    }
    host = {folded, host.size()};
  } else {
    large = lowered(host);
    host = large;
  }
  if (const auto found = exact_.find(host); found != exact_.end()) {
    return found->second;
  }
  for (const Wildcard& suffix : suffixes_) { // something must stand for the '*'
    if (host.size() > suffix.text.size() && host.ends_with(suffix.text)) {
      return suffix.host;
    }
  }
  for (const Wildcard& prefix : prefixes_) {
    if (host.size() > prefix.text.size() && host.starts_with(prefix.text)) {
      return prefix.host;
    }
  }
  return any_;
}

const Route* Table::match(const http::HeaderMap& request, const http::StreamInfo& info,
                          uint64_t random) const {
  const Host* host = findHost(request.authority());
  if (host == nullptr) {
    return nullptr;
  }
  if (host->requireTls != HostProto::NONE &&
      request.value(http::HeaderId::ForwardedProto) != "https") {
    // EXTERNAL_ONLY: internal requests (x-envoy-internal) may stay in clear text.
    if (host->requireTls == HostProto::ALL ||
        request.value(http::HeaderId::EnvoyInternal) != "true") {
      return tlsRedirect_.get();
    }
  }
  const bool connect = request.method() == "CONNECT";
  const std::string_view path = http::pathOnly(request.path());
  if (path.empty() && !connect) {
    return nullptr;
  }
  for (const CompiledRoute& route : host->routes) {
    if (route.fits(path, connect, request, random)) {
      return &route.choose(random);
    }
  }
  return nullptr;
}

} // namespace

absl::StatusOr<RouteTablePtr> compileRouteTable(const TableProto& config,
                                                const RouteTableContext& context,
                                                std::string_view path) {
  auto table = std::make_shared<Table>(config);
  if (absl::Status status = table->compile(context, FieldPath(path)); !status.ok()) {
    return status;
  }
  return table;
}

} // namespace moe::route
