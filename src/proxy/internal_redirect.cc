#include "proxy/internal_redirect.h"

#include "base/strings.h"
#include "http/codec/http1_tokens.h"
#include "http/validation.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::HeaderMap;

struct Url {
  std::string_view scheme;
  std::string_view authority;
  std::string path; // with the query, without a fragment
};

// An absolute http or https URL; nothing if it is none.
std::optional<Url> parseUrl(std::string_view text) {
  const bool https = http::equalsIgnoreCase(text.substr(0, 8), "https://");
  if (!https && !http::equalsIgnoreCase(text.substr(0, 7), "http://")) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(https ? 8 : 7);
  rest = rest.substr(0, rest.find('#'));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  const std::string_view path = rest.substr(end);
  if (authority.empty() || !http::isAuthority(authority) ||
      (!path.empty() && !http::isTargetText(path))) {
    return std::nullopt;
  }
  return Url{https ? "https" : "http", authority,
             path.starts_with('/') ? std::string(path) : base::cat("/", path)};
}

void copyHeaders(const route::RedirectPolicy& policy, const HeaderMap& response, HeaderMap& next) {
  for (const std::string& name : policy.copiedHeaders) {
    next.remove(name);
    for (const HeaderMap::Entry& entry : response.entries()) {
      if (entry.name() == name) {
        next.add(name, entry.value());
      }
    }
  }
}

} // namespace

bool followRedirect(const route::RedirectPolicy& policy, const HeaderMap& request,
                    const HeaderMap& response, uint32_t redirects, HeaderMap& next) {
  if (redirects >= policy.maxRedirects || request.path().empty()) {
    return false;
  }
  const auto url = parseUrl(response.value(HeaderId::Location));
  if (!url.has_value()) {
    return false;
  }
  const bool https = request.value(HeaderId::ForwardedProto) == "https";
  const std::string_view scheme = https ? "https" : "http";
  if (!policy.crossScheme && scheme != url->scheme) {
    return false;
  }
  next.copyFrom(request);
  copyHeaders(policy, response, next);
  next.setStatic(HeaderId::Scheme, url->scheme);
  next.set(HeaderId::Authority, url->authority);
  next.set(HeaderId::Path, url->path);
  // RFC 9110 section 15.4.4.
  if (response.status() == 303 && request.method() != "GET" && request.method() != "HEAD") {
    next.setStatic(HeaderId::Method, "GET");
    next.remove(HeaderId::ContentLength);
  }
  next.set("x-envoy-original-url", base::cat(scheme, "://", request.authority(), request.path()));
  return true;
}

} // namespace moe::proxy
