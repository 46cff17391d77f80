#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/filter.h"
#include "http/header_map.h"
#include "route/redirect_policy.h"
#include "route/retry_policy.h"
#include "route/stream_limits.h"
#include "upstream/metadata_match.h"

namespace moe::route {

// What the router does with a request that a route matched. One of forwarding (the default),
// redirect() or directResponse(). Immutable; owned by its RouteTable, which the stream holds.
class Route : public http::RouteView {
public:
  virtual ~Route() = default;

  struct Redirect {
    uint32_t status;      // 301, 302, 303, 307, 308
    std::string location; // whole Location value
  };
  struct DirectResponse {
    uint32_t status;
    std::string_view body;
  };
  // Set if the route redirects; made from the request's :scheme, :authority and :path.
  virtual std::optional<Redirect> redirect(const http::HeaderMap& request) const = 0;
  virtual std::optional<DirectResponse> directResponse() const = 0;

  // Cluster for this request: fixed, or read from the request (cluster_header; "" if absent there).
  virtual std::string_view clusterFor(const http::HeaderMap& request) const = 0;
  // 503 or what cluster_not_found_response_code says.
  virtual uint32_t clusterNotFoundStatus() const = 0;

  // Whole-response timeout; 0: none. Envoy's default 15 s.
  virtual base::Milliseconds timeout() const = 0;
  // Stream idle timeout of this route; nothing: the connection manager's; 0: none.
  virtual std::optional<base::Milliseconds> idleTimeout() const = 0;
  // Null: none.
  const StreamLimits* streamLimits() const { return streamLimits_; }
  // Null: redirects of the upstream are the client's.
  const RedirectPolicy* redirectPolicy() const { return redirectPolicy_; }
  // Null: none.
  const RetryPolicy* retryPolicy() const { return retryPolicy_; }
  // x-envoy-attempt-count goes to the upstream; and to the client.
  bool countsAttempts() const { return countsAttempts_; }
  bool showsAttempts() const { return showsAttempts_; }
  // Null: none.
  virtual const upstream::MetadataMatch* metadataMatch() const = 0;

  // Rewrites path and host, applies request_headers_to_add/remove of route, virtual host and table.
  virtual void finalizeRequestHeaders(http::HeaderMap& request,
                                      const http::StreamInfo& info) const = 0;
  virtual void finalizeResponseHeaders(http::HeaderMap& response, const http::HeaderMap& request,
                                       const http::StreamInfo& info) const = 0;
  // auto_host_rewrite, if the route has it: the host name of the endpoint that was chosen.
  virtual void rewriteHostFor(http::HeaderMap& request, std::string_view endpoint) const = 0;
  // Does an Upgrade (or CONNECT) of this kind pass? Nothing: as the connection manager says.
  virtual std::optional<bool> upgradeAllowed(std::string_view upgradeType) const = 0;

protected:
  // Most routes have none of these: no call for them.
  const StreamLimits* streamLimits_ = nullptr;
  const RedirectPolicy* redirectPolicy_ = nullptr;
  const RetryPolicy* retryPolicy_ = nullptr;
  bool countsAttempts_ = false;
  bool showsAttempts_ = false;
};

} // namespace moe::route
