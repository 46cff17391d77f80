#pragma once

#include "base/buffer.h"
#include "http/header_map.h"
#include "route/redirect_policy.h"

namespace moe::proxy {

// The body of a request that may have to be sent once more.
class KeptBody {
public:
  void keep(const base::Buffer& data, uint32_t limit, base::Slab& slab);
  // Not all of it was kept.
  bool overflowed() const { return overflowed_; }
  base::Buffer take() { return std::move(bytes_); }

private:
  base::Buffer bytes_;
  bool overflowed_ = false;
};

// Makes `next` the request that follows the upstream's redirect; false: the redirect goes to the
// client. `redirects`: how many have been followed for this client's request.
bool followRedirect(const route::RedirectPolicy& policy, const http::HeaderMap& request,
                    const http::HeaderMap& response, uint32_t redirects, http::HeaderMap& next);

} // namespace moe::proxy
