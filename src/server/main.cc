#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdio>

#include "base/strings.h"
#include "server/server.h"

namespace {

moe::base::LoggerPtr makeLogger(const moe::server::Options& options) {
  spdlog::sink_ptr sink;
  if (options.logPath.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.logPath);
  }
  auto logger = std::make_shared<spdlog::logger>("moe", std::move(sink));
  logger->set_pattern("[%Y-%m-%d %H:%M:%S.%e][%t][%l] %v");
  logger->set_level(
      spdlog::level::from_str(options.logLevel == "warn" ? "warning" : options.logLevel));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

int fail(const absl::Status& status) {
  const std::string_view text = moe::base::message(status);
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  return 1;
}

int run(const std::vector<std::string>& arguments) {
  auto options = moe::server::parseOptions(arguments);
  if (!options.ok()) {
    return fail(options.status());
  }
  if (options->help) {
    std::fputs(moe::server::usage().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts("moe " MOE_VERSION);
    return 0;
  }
  options->build = MOE_VERSION;
  moe::server::Server server(*options, makeLogger(*options));
  if (const absl::Status status = server.load(); !status.ok()) {
    return fail(status);
  }
  if (options->mode == moe::server::Mode::Validate) {
    std::printf("configuration '%s' OK\n",
                options->configPath.empty() ? "--config-yaml" : options->configPath.c_str());
    return 0;
  }
  const absl::Status status = server.serve();
  return status.ok() ? 0 : fail(status);
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) { // libraries may throw; nothing of ours does
    std::fprintf(stderr, "moe: %s\n", error.what());
    return 1;
  }
}
