#include "xds/subscription_stats.h"

#include "base/time.h"

namespace moe::xds {
namespace {

// FNV-1a: the same on every proxy, so that versions can be compared.
uint64_t hashOf(std::string_view version) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : version) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

} // namespace

SubscriptionStats::SubscriptionStats(const stats::Scope& scope)
    : attempt_(scope.counter("update_attempt")), success_(scope.counter("update_success")),
      rejected_(scope.counter("update_rejected")), failure_(scope.counter("update_failure")),
      initFetchTimeout_(scope.counter("init_fetch_timeout")), time_(scope.gauge("update_time")),
      version_(scope.gauge("version")), duration_(scope.histogram("update_duration")) {}

void SubscriptionStats::success(std::string_view version, std::chrono::nanoseconds took) {
  attempt_.inc();
  success_.inc();
  time_.set(base::wallNanos() / 1'000'000);
  version_.set(static_cast<int64_t>(hashOf(version)));
  versionText_ = version;
  duration_.record(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

void SubscriptionStats::rejected() {
  attempt_.inc();
  rejected_.inc();
}

void SubscriptionStats::failure() {
  attempt_.inc();
  failure_.inc();
}

void SubscriptionStats::initFetchTimeout() { initFetchTimeout_.inc(); }

} // namespace moe::xds
