#pragma once

#include "http/header_map.h"
#include "route/redirect_policy.h"

namespace moe::proxy {

// Makes `next` the request that follows the upstream's redirect; false: the redirect goes to the
// client. `redirects`: how many have been followed for this client's request.
bool followRedirect(const route::RedirectPolicy& policy, const http::HeaderMap& request,
                    const http::HeaderMap& response, uint32_t redirects, http::HeaderMap& next);

} // namespace moe::proxy
