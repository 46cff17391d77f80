#pragma once

#include "proxy/hcm_config.h"

namespace moe::proxy {

// What a connection manager does to request headers before routing, as Envoy documents it:
// hop-by-hop headers (RFC 9110 section 7.6.1), x-forwarded-for and -proto, x-envoy-internal and
// what only internal clients may say, x-forwarded-client-cert, :scheme, x-request-id, via. Sets
// info.downstreamRemote. Not OK: a 400's response_code_details. `keepUpgrade`: Connection and
// Upgrade stay, for an upgrade that is allowed.
absl::Status prepareRequestHeaders(http::HeaderMap& headers, const HcmConfig& config,
                                   http::StreamInfo& info, base::Random& random, bool keepUpgrade);

// Hop-by-hop headers of a response; server and date.
void prepareResponseHeaders(http::HeaderMap& headers, const HcmConfig& config, bool keepUpgrade);

} // namespace moe::proxy
