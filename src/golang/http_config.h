#pragma once

#include <cstdint>
#include <string>

#include "golang/plugin_library.h"

namespace moe::golang {

// Has the plugin parse a serialized google.protobuf.Any; 0 if it does not take it. What Go gets a
// pointer to lives until it calls envoyGoConfigHttpFinalize.
uint64_t parseInGo(const HttpFunctions& go, const std::string& pluginName,
                   const std::string& config, bool forRoute, uint32_t concurrency);

} // namespace moe::golang
