#pragma once

#include "base/buffer.h"
#include "http/filter.h"

namespace moe::proxy {

// Makes the response of a local reply. For a gRPC request (RFC-like grpc-over-HTTP/2 convention,
// content-type application/grpc) it is a trailers-only response with grpc-status; for HEAD the body
// is left out and its length kept. `request` may be null.
void fillLocalReply(const http::LocalReply& reply, const http::HeaderMap* request,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab);

} // namespace moe::proxy
