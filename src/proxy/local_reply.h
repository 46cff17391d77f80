#pragma once

#include "base/buffer.h"
#include "http/filter.h"
#include "proxy/local_reply_config.h"

namespace moe::proxy {

// Makes the response of a local reply. For a gRPC request (RFC-like grpc-over-HTTP/2 convention,
// content-type application/grpc) it is a trailers-only response with grpc-status; for HEAD the body
// is left out and its length kept. `request` may be null.
void fillLocalReply(const http::LocalReply& reply, const http::HeaderMap* request,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab);
// The same as local_reply_config has it.
void fillLocalReply(const http::LocalReply& reply, const LocalReplyConfig& config,
                    const http::HeaderMap* request, http::StreamInfo& info,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab);

} // namespace moe::proxy
