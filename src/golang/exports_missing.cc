// The ABI functions that moe does not offer yet, so that every library loads. Each answers with the
// ABI's failure status; the log names the first call of each, golang.calls_not_offered counts all.
#include <atomic>
#include <memory>

#include "golang/exports.h"
#include "golang/log_bridge.h"
#include "moe/go_abi.h"

namespace moe::golang {
namespace {

std::atomic<int64_t> calls{0}; // of all plugins, which call until the process ends

abi::Status notOffered(const char* function, std::atomic<bool>& said) {
  calls.fetch_add(1, std::memory_order_relaxed);
  base::Logger* logger = goLog();
  if (logger != nullptr && !said.exchange(true, std::memory_order_relaxed)) {
    MOE_LOG(*logger, err, "a Go plugin called {}, which moe does not offer", function);
  }
  return abi::kInternalFailure;
}

} // namespace

void linkMissingExports() {}

void showCallsNotOffered(const stats::Scope& scope) {
  scope.child("golang").gauge("calls_not_offered").follow({std::shared_ptr<void>(), &calls});
}

void linkExports() {
  linkDirectionExports();
  linkRequestExports();
  linkMissingExports();
}

extern "C" {

// clang-format off
#define MOE_NOT_OFFERED               \
  static std::atomic<bool> said{false}; \
  return notOffered(__func__, said)

#define MOE_NOT_OFFERED_STATUS(name, ...) \
  abi::Status name(__VA_ARGS__) { MOE_NOT_OFFERED; }

MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpSetStringFilterState, void*, void*, int, void*, int, int, int, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpGetStringFilterState, void*, void*, int, uint64_t*, int*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpGetStringProperty, void*, void*, int, uint64_t*, int*, int*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpDefineMetric, void*, uint32_t, void*, int, uint32_t*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpIncrementMetric, void*, uint32_t, int64_t)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpGetMetric, void*, uint32_t, uint64_t*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterHttpRecordMetric, void*, uint32_t, uint64_t)
MOE_NOT_OFFERED_STATUS(envoyGoFilterDownstreamClose, void*, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterDownstreamWrite, void*, void*, int, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterDownstreamInfo, void*, int, void*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterUpstreamConnEnableHalfClose, void*, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterUpstreamWrite, void*, void*, int, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterUpstreamClose, void*, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterUpstreamInfo, void*, int, void*)
MOE_NOT_OFFERED_STATUS(envoyGoFilterSetFilterState, void*, void*, void*, int, int, int)
MOE_NOT_OFFERED_STATUS(envoyGoFilterGetFilterState, void*, void*, void*)
// clang-format on

void envoyGoFilterDownstreamFinalize(void*, int) {
  static std::atomic<bool> said{false};
  notOffered(__func__, said);
}
void envoyGoFilterUpstreamFinalize(void*, int) {
  static std::atomic<bool> said{false};
  notOffered(__func__, said);
}
void* envoyGoFilterUpstreamConnect(void*, void*, uint64_t) {
  static std::atomic<bool> said{false};
  notOffered(__func__, said);
  return nullptr;
}
int envoyGoClusterSpecifierGetHeader(unsigned long long, void*, void*) { MOE_NOT_OFFERED; }
void envoyGoClusterSpecifierLogError(unsigned long long, void*) {
  static std::atomic<bool> said{false};
  notOffered(__func__, said);
}

} // extern "C"

} // namespace moe::golang
