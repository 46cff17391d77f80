#include "golang/http_config.h"

#include <memory>

#include "golang/leak_check.h"
#include "moe/go_abi.h"

namespace moe::golang {
namespace {

// What a plugin's configuration object in Go points to. Go's finalizer frees the one of a filter;
// that of a route is used during the call only.
struct ParsedConfig : abi::HttpConfig {
  std::string pluginName;
  std::string bytes;
};

} // namespace

uint64_t parseInGo(const HttpFunctions& go, const std::string& pluginName,
                   const std::string& config, bool forRoute, uint32_t concurrency) {
  auto parsed = std::make_unique<ParsedConfig>();
  parsed->pluginName = pluginName;
  parsed->bytes = config;
  parsed->pluginNamePtr = reinterpret_cast<uint64_t>(parsed->pluginName.data());
  parsed->pluginNameLen = parsed->pluginName.size();
  parsed->configPtr = reinterpret_cast<uint64_t>(parsed->bytes.data());
  parsed->configLen = parsed->bytes.size();
  parsed->isRouteConfig = forRoute ? 1 : 0;
  parsed->concurrency = concurrency;
  if (forRoute) {
    return go.newConfig(parsed.get());
  }
  MOE_HELD_BY_GO(parsed.get());
  return go.newConfig(parsed.release()); // the finalizer runs also if it does not parse
}

extern "C" {

void envoyGoConfigHttpFinalize(void* c) {
  std::unique_ptr<ParsedConfig>(static_cast<ParsedConfig*>(static_cast<abi::HttpConfig*>(c)));
}

} // extern "C"

} // namespace moe::golang
