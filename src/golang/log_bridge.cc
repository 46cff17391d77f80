#include "golang/log_bridge.h"

#include <algorithm>
#include <atomic>
#include <string_view>

#include "moe/go_abi.h"

namespace moe::golang {
namespace {

// Never destroyed: goroutines outlive main().
struct Bound {
  base::LoggerPtr logger;
};
std::atomic<Bound*> bound{nullptr};

spdlog::level::level_enum levelOf(uint32_t level) {
  return static_cast<spdlog::level::level_enum>(
      std::min<uint32_t>(level, static_cast<uint32_t>(spdlog::level::critical)));
}

} // namespace

void bindGoLog(base::LoggerPtr logger) {
  // The previous one, if any, may be in use on a goroutine: it stays.
  bound.store(std::make_unique<Bound>(Bound{std::move(logger)}).release(),
              std::memory_order_release);
}

base::Logger* goLog() {
  const Bound* now = bound.load(std::memory_order_acquire);
  return now == nullptr ? nullptr : now->logger.get();
}

extern "C" {

// Go's levels are Envoy's, trace (0) to critical (5), which are spdlog's too.
void envoyGoFilterLog(uint32_t level, void* message_data, int message_len) {
  if (base::Logger* logger = goLog()) {
    const std::string_view message(static_cast<const char*>(message_data),
                                   static_cast<size_t>(std::max(message_len, 0)));
    logger->log(levelOf(level), "[golang] {}", message);
  }
}

uint32_t envoyGoFilterLogLevel() {
  base::Logger* logger = goLog();
  return static_cast<uint32_t>(logger == nullptr ? spdlog::level::info : logger->level());
}

} // extern "C"

} // namespace moe::golang
