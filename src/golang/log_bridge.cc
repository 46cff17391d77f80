#include "golang/log_bridge.h"

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "golang/leak_check.h"
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

constexpr std::string_view kNotInGoPanic = "http: panic serving: not proccessing Go";
thread_local bool notInGoPanic = false;

} // namespace

bool takeNotInGoPanic() { return std::exchange(notInGoPanic, false); }

void bindGoLog(base::LoggerPtr logger) {
  Bound* made = std::make_unique<Bound>(Bound{std::move(logger)}).release();
  MOE_HELD_BY_GO(made); // goroutines may still use it when the next one has taken its place
  bound.store(made, std::memory_order_release);
}

base::Logger* goLog() {
  const Bound* now = bound.load(std::memory_order_acquire);
  return now == nullptr ? nullptr : now->logger.get();
}

extern "C" {

// Go's levels are Envoy's, trace (0) to critical (5), which are spdlog's too.
void envoyGoFilterLog(uint32_t level, void* message_data, int message_len) {
  const std::string_view message(static_cast<const char*>(message_data),
                                 static_cast<size_t>(std::max(message_len, 0)));
  if (message.starts_with(kNotInGoPanic)) {
    notInGoPanic = true;
  }
  if (base::Logger* logger = goLog()) {
    logger->log(levelOf(level), "[golang] {}", message);
  }
}

uint32_t envoyGoFilterLogLevel() {
  base::Logger* logger = goLog();
  // Errors at least are wanted, for takeNotInGoPanic; the logger drops what is below its own level.
  return static_cast<uint32_t>(logger == nullptr ? spdlog::level::info
                                                 : std::min(logger->level(), spdlog::level::err));
}

} // extern "C"

} // namespace moe::golang
