// The ABI functions that moe does not offer yet, so that every library loads. Each answers with the
// ABI's failure status and says its name in the log.
#include "golang/exports.h"
#include "golang/log_bridge.h"
#include "moe/go_abi.h"

namespace moe::golang {
namespace {

abi::Status notOffered(const char* function) {
  if (base::Logger* logger = goLog()) {
    MOE_LOG(*logger, err, "a Go plugin called {}, which moe does not offer", function);
  }
  return abi::kInternalFailure;
}

} // namespace

void linkMissingExports() {}

void linkExports() {
  linkDirectionExports();
  linkRequestExports();
  linkMissingExports();
}

extern "C" {

#define MOE_NOT_OFFERED(...)     \
  {                              \
    return notOffered(__func__); \
  }

abi::Status envoyGoFilterHttpSetStringFilterState(void*, void*, int, void*, int, int, int, int)
    MOE_NOT_OFFERED() abi::Status
    envoyGoFilterHttpGetStringFilterState(void*, void*, int, uint64_t*, int*)
        MOE_NOT_OFFERED() abi::Status
    envoyGoFilterHttpGetStringProperty(void*, void*, int, uint64_t*, int*, int*)
        MOE_NOT_OFFERED() abi::Status
    envoyGoFilterHttpDefineMetric(void*, uint32_t, void*, int, uint32_t*)
        MOE_NOT_OFFERED() abi::Status envoyGoFilterHttpIncrementMetric(void*, uint32_t, int64_t)
            MOE_NOT_OFFERED() abi::Status envoyGoFilterHttpGetMetric(void*, uint32_t, uint64_t*)
                MOE_NOT_OFFERED() abi::Status
    envoyGoFilterHttpRecordMetric(void*, uint32_t, uint64_t) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterDownstreamClose(void*, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterDownstreamWrite(void*, void*, int, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterDownstreamInfo(void*, int, void*) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterUpstreamConnEnableHalfClose(void*, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterUpstreamWrite(void*, void*, int, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterUpstreamClose(void*, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterUpstreamInfo(void*, int, void*) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterSetFilterState(void*, void*, void*, int, int, int) MOE_NOT_OFFERED() abi::Status
    envoyGoFilterGetFilterState(void*, void*, void*) MOE_NOT_OFFERED()

        void envoyGoFilterDownstreamFinalize(void*, int) {
  notOffered(__func__);
}
void envoyGoFilterUpstreamFinalize(void*, int) { notOffered(__func__); }
void* envoyGoFilterUpstreamConnect(void*, void*, uint64_t) {
  notOffered(__func__);
  return nullptr;
}
int envoyGoClusterSpecifierGetHeader(unsigned long long, void*, void*) {
  return notOffered(__func__);
}
void envoyGoClusterSpecifierLogError(unsigned long long, void*) { notOffered(__func__); }

} // extern "C"

} // namespace moe::golang
