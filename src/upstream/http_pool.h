#pragma once

#include <memory>

#include "upstream/cluster_info.h"
#include "upstream/pool.h"

namespace moe::upstream {

// HTTP/1.1 or HTTP/2 connections of one worker to one host: the last used one that can take a
// request first, new ones as the circuit breakers allow, requests that wait in order. An HTTP/2
// connection takes as many requests as its peer lets it. ByAlpn: each connection speaks what its
// TLS handshake has agreed on, HTTP/1.1 where that is nothing.
std::unique_ptr<HttpPool> createHttpPool(const http::CodecContext& context, ClusterInfoPtr cluster,
                                         HostPtr host, PoolProtocol protocol);

} // namespace moe::upstream
