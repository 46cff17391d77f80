#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stats/stats.h"

namespace moe::xds {

// Statistics of what is fetched from one source, under Envoy's names ("Subscription statistics").
// `scope` is that of the type or of the resource: "cluster_manager.cds.", "listener_manager.lds.",
// "cluster.NAME.". Main thread.
class SubscriptionStats {
public:
  explicit SubscriptionStats(const stats::Scope& scope);

  void attempt() { attempt_.inc(); }
  void success(std::string_view version, std::chrono::nanoseconds took);
  void rejected();
  // The connection failed or could not be made.
  void failure();
  void initFetchTimeout();
  // Envoy's text readout version_text.
  const std::string& versionText() const { return versionText_; }

private:
  stats::Counter& attempt_;
  stats::Counter& success_;
  stats::Counter& rejected_;
  stats::Counter& failure_;
  stats::Counter& initFetchTimeout_;
  stats::Gauge& time_;         // of the last success: milliseconds since 1970
  stats::Gauge& version_;      // hash of its version
  stats::Histogram& duration_; // milliseconds spent on an update
  std::string versionText_;
};

} // namespace moe::xds
