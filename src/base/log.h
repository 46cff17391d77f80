#pragma once

#include <spdlog/logger.h>

#include <memory>

namespace moe::base {

// The log that an object writes to; made by main() and handed down. Thread-safe.
using Logger = spdlog::logger;
using LoggerPtr = std::shared_ptr<Logger>;

} // namespace moe::base

// Formats its arguments only when the level is on.
#define MOE_LOG(logger, severity, ...)                      \
  do {                                                      \
    if ((logger).should_log(::spdlog::level::severity)) {   \
      (logger).log(::spdlog::level::severity, __VA_ARGS__); \
    }                                                       \
  } while (false)
