#pragma once

#include <cstdint>
#include <string_view>

#include "event/worker.h"

namespace moe::http {

// The values are those that Go plugins see.
enum class Protocol : uint8_t { Http10 = 0, Http11 = 1, Http2 = 2, Http3 = 3 };

constexpr std::string_view protocolName(Protocol protocol) {
  constexpr std::string_view names[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"};
  return names[static_cast<size_t>(protocol)];
}

// Why a stream ended before it was complete.
enum class ResetReason : uint8_t {
  LocalReset,              // we gave it up
  LocalRefused,            // we refused to begin
  RemoteReset,             // the peer reset the stream
  RemoteRefused,           // the peer did not begin: safe to retry
  LocalConnectionFailure,  // connecting failed here (no descriptors, bind)
  RemoteConnectionFailure, // the peer refused or did not answer
  ConnectionTimeout,       // connecting took too long
  ConnectionTermination,   // the connection ended under it
  Overflow,                // a limit of connections, requests or pending requests
  ProtocolError,           // the peer broke the protocol
  OverloadManager,
};

constexpr std::string_view resetReasonName(ResetReason reason) {
  constexpr std::string_view names[] = {"local_reset",
                                        "local_refused_stream",
                                        "remote_reset",
                                        "remote_refused_stream_reset",
                                        "local_connection_failure",
                                        "remote_connection_failure",
                                        "connection_timeout",
                                        "connection_termination",
                                        "overflow",
                                        "protocol_error",
                                        "overload_manager"};
  return names[static_cast<size_t>(reason)];
}

} // namespace moe::http
