#pragma once

#include "proxy/hcm_config.h"

namespace moe::proxy {

// Finds out who the client is, and believes it no more than that allows: sets
// info.downstreamRemote, adds to x-forwarded-for, sets x-envoy-internal and
// x-envoy-external-address, removes the x-envoy- headers that only internal clients may send. All
// as Envoy documents it ("HTTP header sanitizing"). True for an edge request: from outside, and
// this proxy is the first to see it.
bool setClientAddress(http::HeaderMap& headers, const HcmConfig& config, http::StreamInfo& info);

} // namespace moe::proxy
