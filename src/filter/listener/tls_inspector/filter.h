#pragma once

#include "filter/listener/tls_inspector/client_hello.h"
#include "net/listener_filter.h"
#include "stats/stats.h"

namespace moe::filter::tls_inspector {

struct TlsInspectorStats {
  explicit TlsInspectorStats(const stats::Scope& scope)
      : tooLarge(scope.counter("client_hello_too_large")), found(scope.counter("tls_found")),
        notFound(scope.counter("tls_not_found")), alpnFound(scope.counter("alpn_found")),
        alpnNotFound(scope.counter("alpn_not_found")), sniFound(scope.counter("sni_found")),
        sniNotFound(scope.counter("sni_not_found")),
        bytesProcessed(scope.histogram("bytes_processed")) {}
  stats::Counter& tooLarge;
  stats::Counter& found;
  stats::Counter& notFound;
  stats::Counter& alpnFound;
  stats::Counter& alpnNotFound;
  stats::Counter& sniFound;
  stats::Counter& sniNotFound;
  stats::Histogram& bytesProcessed;
};

struct TlsInspectorSettings {
  size_t initialBytes = 16384; // read before the filter looks; then twice as many
  size_t maxBytes = 16384;     // of a ClientHello with its record headers
  bool closeOnErrors = false;  // what is no ClientHello is closed instead of taken as clear text
};

// Finds out whether a connection begins with TLS, and which server name and application protocols
// it asks for. Takes no bytes away.
class TlsInspector final : public net::ListenerFilter {
public:
  TlsInspector(const TlsInspectorSettings& settings, TlsInspectorStats& stats)
      : settings_(settings), stats_(stats), limit_(settings.initialBytes),
        reader_(settings.maxBytes) {}

  Status onAccept(net::AcceptedSocket& /*socket*/) override { return Status::NeedMore; }
  Status onData(net::AcceptedSocket& socket) override;
  size_t maxBytes() const override { return limit_; }

private:
  Status found(net::SocketFacts& facts);

  const TlsInspectorSettings& settings_;
  TlsInspectorStats& stats_;
  size_t limit_;
  size_t seen_ = 0;
  ClientHelloReader reader_;
};

} // namespace moe::filter::tls_inspector
