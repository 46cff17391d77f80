#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "http/codec.h"
#include "net/connection.h"
#include "upstream/host.h"

namespace moe::upstream {

// A request that waits for a connection.
class Cancellable {
public:
  // No callback comes after this.
  virtual void cancel() = 0;

protected:
  ~Cancellable() = default;
};

class HttpPoolCallbacks {
public:
  // A stream is ours. The encoder is valid as codec.h says; `connection` is for addresses and ids.
  virtual void onPoolReady(http::RequestEncoder& encoder, const HostPtr& host,
                           net::Connection& connection, http::Protocol protocol) = 0;
  virtual void onPoolFailure(http::ResetReason reason, std::string_view details,
                             const HostPtr& host) = 0;

protected:
  ~HttpPoolCallbacks() = default;
};

// Connections of one worker to one host in one protocol, within the cluster's circuit breakers.
class HttpPool : public event::DeferredDeletable {
public:
  // Ready or failed at once: null, and the callback has been called. Else a handle to cancel, valid
  // until a callback. The decoder must stay valid until the stream has ended or was reset.
  virtual Cancellable* newStream(http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) = 0;
  // Closes idle connections, and the others when their streams have ended. Requests that wait are
  // still served. `done`, once: nothing is left, maybe at once; it may be called from inside the
  // pool, which is then deleted later (event::Loop::deferredDelete).
  virtual void finish(std::function<void()> done) = 0;
};

} // namespace moe::upstream
