#pragma once

#include <cstdint>
#include <string_view>

namespace moe::http {

// Names that the proxy itself looks at; every other name is HeaderId::Other. Pseudo headers
// (RFC 9113 section 8.3) are headers like any other here, for HTTP/1 too: the codec makes :method,
// :path, :authority, :scheme from the request line and Host, and :status from the status line.
#define MOE_HEADERS(X)                                             \
  X(Method, ":method")                                             \
  X(Path, ":path")                                                 \
  X(Authority, ":authority")                                       \
  X(Scheme, ":scheme")                                             \
  X(Status, ":status")                                             \
  X(Protocol, ":protocol")                                         \
  X(Accept, "accept")                                              \
  X(AcceptEncoding, "accept-encoding")                             \
  X(Connection, "connection")                                      \
  X(ContentEncoding, "content-encoding")                           \
  X(ContentLength, "content-length")                               \
  X(ContentType, "content-type")                                   \
  X(Cookie, "cookie")                                              \
  X(Date, "date")                                                  \
  X(Expect, "expect")                                              \
  X(ForwardedClientCert, "x-forwarded-client-cert")                \
  X(ForwardedFor, "x-forwarded-for")                               \
  X(ForwardedHost, "x-forwarded-host")                             \
  X(ForwardedProto, "x-forwarded-proto")                           \
  X(GrpcMessage, "grpc-message")                                   \
  X(GrpcStatus, "grpc-status")                                     \
  X(GrpcTimeout, "grpc-timeout")                                   \
  X(Host, "host")                                                  \
  X(Http2Settings, "http2-settings")                               \
  X(KeepAlive, "keep-alive")                                       \
  X(Location, "location")                                          \
  X(ProxyConnection, "proxy-connection")                           \
  X(RequestId, "x-request-id")                                     \
  X(Server, "server")                                              \
  X(SetCookie, "set-cookie")                                       \
  X(Te, "te")                                                      \
  X(Trailer, "trailer")                                            \
  X(TransferEncoding, "transfer-encoding")                         \
  X(Upgrade, "upgrade")                                            \
  X(UserAgent, "user-agent")                                       \
  X(Via, "via")                                                    \
  X(EnvoyAttemptCount, "x-envoy-attempt-count")                    \
  X(EnvoyDecoratorOperation, "x-envoy-decorator-operation")        \
  X(EnvoyExpectedTimeout, "x-envoy-expected-rq-timeout-ms")        \
  X(EnvoyExternalAddress, "x-envoy-external-address")              \
  X(EnvoyInternal, "x-envoy-internal")                             \
  X(EnvoyOriginalPath, "x-envoy-original-path")                    \
  X(EnvoyMaxRetries, "x-envoy-max-retries")                        \
  X(EnvoyOverloaded, "x-envoy-overloaded")                         \
  X(EnvoyRateLimited, "x-envoy-ratelimited")                       \
  X(EnvoyRetriableHeaderNames, "x-envoy-retriable-header-names")   \
  X(EnvoyRetriableStatusCodes, "x-envoy-retriable-status-codes")   \
  X(EnvoyRetryGrpcOn, "x-envoy-retry-grpc-on")                     \
  X(EnvoyRetryOn, "x-envoy-retry-on")                              \
  X(EnvoyUpstreamServiceTime, "x-envoy-upstream-service-time")     \
  X(EnvoyUpstreamRequestTimeout, "x-envoy-upstream-rq-timeout-ms") \
  X(EnvoyUpstreamPerTryTimeout, "x-envoy-upstream-rq-per-try-timeout-ms")

enum class HeaderId : uint8_t {
  Other = 0,
#define MOE_HEADER_ENUM(id, name) id,
  MOE_HEADERS(MOE_HEADER_ENUM)
#undef MOE_HEADER_ENUM
      Count
};

inline constexpr std::string_view kHeaderNames[] = {"",
#define MOE_HEADER_NAME(id, name) name,
                                                    MOE_HEADERS(MOE_HEADER_NAME)
#undef MOE_HEADER_NAME
};

constexpr std::string_view headerName(HeaderId id) { return kHeaderNames[static_cast<size_t>(id)]; }

// The id of a lower-case name; HeaderId::Other if it has none. A few ns: by length and first bytes.
HeaderId headerIdOf(std::string_view lowerCaseName);

} // namespace moe::http
