#include "admin/server_stats.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

namespace moe::admin {
namespace {

// Resident bytes (proc(5), /proc/self/statm); 0 if unknown.
uint64_t residentBytes() {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &total, &resident) != 2) {
    return 0;
  }
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

envoy::admin::v3::Memory memoryNow() {
  const struct mallinfo2 info = ::mallinfo2();
  envoy::admin::v3::Memory out;
  out.set_allocated(info.uordblks + info.hblkhd);
  out.set_heap_size(info.arena + info.hblkhd);
  out.set_pageheap_free(info.fordblks);
  out.set_total_physical_bytes(residentBytes());
  return out;
}

ServerStats::ServerStats(stats::Store& store)
    : live_(store.root().gauge("server.live")), state_(store.root().gauge("server.state")),
      uptime_(store.root().gauge("server.uptime")),
      concurrency_(store.root().gauge("server.concurrency")),
      allocated_(store.root().gauge("server.memory_allocated")),
      heapSize_(store.root().gauge("server.memory_heap_size")),
      physical_(store.root().gauge("server.memory_physical_size")) {}

void ServerStats::refresh(const Context& context, State state, int64_t uptimeSeconds) {
  live_.set(state == envoy::admin::v3::ServerInfo::LIVE ? 1 : 0);
  state_.set(static_cast<int64_t>(state));
  uptime_.set(uptimeSeconds);
  concurrency_.set(context.options.concurrency());
  const envoy::admin::v3::Memory memory = memoryNow();
  allocated_.set(static_cast<int64_t>(memory.allocated()));
  heapSize_.set(static_cast<int64_t>(memory.heap_size()));
  physical_.set(static_cast<int64_t>(memory.total_physical_bytes()));
}

} // namespace moe::admin
