#pragma once

#include <cstdint>

#include "http/header_map.h"

namespace moe::http {

// Is this a gRPC request (gRPC over HTTP/2, "Requests": content-type application/grpc)?
bool isGrpc(const HeaderMap& request);

// The gRPC status for an HTTP status (gRPC's "HTTP to gRPC Status Code Mapping").
int grpcStatusOf(uint32_t httpStatus);

// The HTTP status that says the same as a gRPC status (Envoy's and google.rpc's mapping): 5xx where
// the server is to blame. 500 for what is no status.
uint32_t httpStatusOf(std::string_view grpcStatus);

} // namespace moe::http
