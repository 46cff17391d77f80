#include "route/redirect_policy.h"

#include <algorithm>

#include "http/validation.h"

namespace moe::route {

bool RedirectPolicy::follows(uint32_t status) const {
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

absl::StatusOr<RedirectPolicy>
RedirectPolicy::compile(const envoy::config::route::v3::InternalRedirectPolicy& proto,
                        const config::FieldPath& path) {
  RedirectPolicy out;
  if (proto.has_max_internal_redirects()) {
    out.maxRedirects = proto.max_internal_redirects().value();
  }
  if (!proto.redirect_response_codes().empty()) {
    out.statuses.clear();
    for (const uint32_t status : proto.redirect_response_codes()) {
      // Others are ignored, as in Envoy.
      if ((status >= 301 && status <= 303) || status == 307 || status == 308) {
        out.statuses.push_back(status);
      }
    }
  }
  if (!proto.predicates().empty()) {
    return config::fieldError(path.field("predicates").index(0),
                              config::inQuotes(proto.predicates(0).name()), "no predicate");
  }
  out.crossScheme = proto.allow_cross_scheme_redirect();
  for (int i = 0; i < proto.response_headers_to_copy_size(); ++i) {
    const std::string& name = proto.response_headers_to_copy(i);
    if (!http::isToken(name)) {
      return config::fieldError(
          path.field("response_headers_to_copy").index(static_cast<size_t>(i)),
          config::inQuotes(name), "a header name");
    }
    std::string lower(name);
    for (char& c : lower) {
      c = static_cast<char>(http::kTokenLower[static_cast<uint8_t>(c)]);
    }
    out.copiedHeaders.push_back(std::move(lower));
  }
  return out;
}

} // namespace moe::route
