#include "tls/stats.h"

namespace moe::tls {

void NamedCounters::inc(uint32_t id, std::string_view name) {
  for (size_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[(id + i) % kSlots];
    uint32_t has = slot.id.load(std::memory_order_acquire);
    if (has == 0) {
      slot.id.compare_exchange_strong(has, id, std::memory_order_acq_rel);
      has = slot.id.load(std::memory_order_acquire);
    }
    if (has != id) {
      continue;
    }
    stats::Counter* counter = slot.counter.load(std::memory_order_acquire);
    if (counter == nullptr) {
      // Two threads may come here: the store gives both the same one.
      counter = &scope_.counter(group_, tag_, name);
      slot.counter.store(counter, std::memory_order_release);
    }
    counter->inc();
    return;
  }
  scope_.counter(group_, tag_, name).inc();
}

TlsStats::TlsStats(const stats::Scope& scope)
    : handshake(scope.counter("handshake")), connectionError(scope.counter("connection_error")),
      sessionReused(scope.counter("session_reused")),
      noCertificate(scope.counter("no_certificate")),
      failVerifyNoCert(scope.counter("fail_verify_no_cert")),
      failVerifyError(scope.counter("fail_verify_error")),
      failVerifySan(scope.counter("fail_verify_san")),
      failVerifyCertHash(scope.counter("fail_verify_cert_hash")),
      ocspStapleFailed(scope.counter("ocsp_staple_failed")),
      ocspStapleOmitted(scope.counter("ocsp_staple_omitted")),
      ocspStapleResponses(scope.counter("ocsp_staple_responses")),
      ocspStapleRequests(scope.counter("ocsp_staple_requests")),
      ciphers(scope, "ciphers", "envoy_ssl_cipher"),
      versions(scope, "versions", "envoy_ssl_version"), curves(scope, "curves", "envoy_ssl_curve"),
      sigalgs(scope, "sigalgs", "envoy_ssl_sigalg") {}

} // namespace moe::tls
