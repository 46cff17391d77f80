#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"

namespace moe::server {

enum class Mode { Serve, Validate };

// The command line, with Envoy's names.
struct Options {
  std::string configPath;
  std::string configYaml;
  Mode mode = Mode::Serve;
  uint32_t concurrency = 0; // 0: one worker a hardware thread
  std::string logLevel = "info";
  std::string logPath;
  base::Milliseconds drainTime{600'000};
  base::Milliseconds fileFlushInterval{1000}; // of access logs
  size_t fileFlushBytes = 64 * 1024;
  bool allowUnknownStaticFields = false;
  bool strict = false; // unsupported fields are errors
  bool help = false;
  bool version = false;
  std::string build; // moe's own version, for the node; not on the command line
};

absl::StatusOr<Options> parseOptions(const std::vector<std::string>& arguments);
std::string usage();

} // namespace moe::server
