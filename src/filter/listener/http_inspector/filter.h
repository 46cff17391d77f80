#pragma once

#include "filter/listener/http_inspector/detect.h"
#include "net/listener_filter.h"
#include "stats/stats.h"

namespace moe::filter::http_inspector {

struct HttpInspectorStats {
  explicit HttpInspectorStats(const stats::Scope& scope)
      : readError(scope.counter("read_error")), http10(scope.counter("http10_found")),
        http11(scope.counter("http11_found")), http2(scope.counter("http2_found")),
        notFound(scope.counter("http_not_found")) {}
  stats::Counter& readError;
  stats::Counter& http10;
  stats::Counter& http11;
  stats::Counter& http2;
  stats::Counter& notFound;
};

// Finds out whether a connection in clear text speaks HTTP: "http/1.0", "http/1.1" or "h2c" becomes
// its application protocol. Leaves connections alone that another filter has found to be TLS.
class HttpInspector final : public net::ListenerFilter {
public:
  explicit HttpInspector(HttpInspectorStats& stats) : stats_(stats) {}

  Status onAccept(net::AcceptedSocket& socket) override;
  Status onData(net::AcceptedSocket& socket) override;
  size_t maxBytes() const override { return kMaxBytes; }
  void onEnd() override { stats_.readError.inc(); }

private:
  static constexpr size_t kMaxBytes = 65536; // as in Envoy

  HttpInspectorStats& stats_;
  Detector detector_;
  size_t seen_ = 0;
};

} // namespace moe::filter::http_inspector
