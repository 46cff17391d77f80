#pragma once

#include <memory>

#include "upstream/cluster_info.h"
#include "upstream/pool.h"

namespace moe::upstream {

// HTTP/1.1 connections of one worker to one host: the last used idle one first, new ones as the
// circuit breakers allow, requests that wait in order.
std::unique_ptr<HttpPool> createHttp1Pool(const http::CodecContext& context, ClusterInfoPtr cluster,
                                          HostPtr host);

} // namespace moe::upstream
