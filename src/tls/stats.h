#pragma once

#include <atomic>
#include <cstdint>

#include "stats/stats.h"

namespace moe::tls {

// Counters whose names come with the handshakes (ssl.ciphers.<name>), made when first counted: only
// that takes the store's lock. Any thread.
class NamedCounters {
public:
  NamedCounters(stats::Scope scope, std::string_view group, std::string_view tag)
      : scope_(std::move(scope)), group_(group), tag_(tag) {}
  // `id` (not 0) stands for the name, always the same.
  void inc(uint32_t id, std::string_view name);

private:
  static constexpr size_t kSlots = 32; // more names than this are counted all the same, slower

  struct Slot {
    std::atomic<uint32_t> id{0};
    std::atomic<stats::Counter*> counter{nullptr};
  };
  stats::Scope scope_;
  std::string group_;
  std::string tag_;
  Slot slots_[kSlots];
};

// Envoy's TLS statistics; `scope` is "listener.<address>.ssl." or "cluster.<name>.ssl.". Any
// thread.
struct TlsStats {
  explicit TlsStats(const stats::Scope& scope);

  stats::Counter& handshake;
  stats::Counter& connectionError; // failed, and not for the certificate
  stats::Counter& sessionReused;
  stats::Counter& noCertificate; // done, and the peer has shown none
  stats::Counter& failVerifyNoCert;
  stats::Counter& failVerifyError;
  stats::Counter& failVerifySan;
  stats::Counter& failVerifyCertHash;
  stats::Counter& ocspStapleFailed;
  stats::Counter& ocspStapleOmitted;
  stats::Counter& ocspStapleResponses;
  stats::Counter& ocspStapleRequests;
  NamedCounters ciphers;
  NamedCounters versions;
  NamedCounters curves;
  NamedCounters sigalgs;
};

} // namespace moe::tls
