#pragma once

#include "proxy/hcm_config.h"

namespace moe::proxy {

// The connection manager's rules for paths, hosts, header names and durations.
absl::Status readRules(const HttpConnectionManagerProto& proto, const config::FieldPath& path,
                       const FactoryContext& context, HcmConfig& out);

} // namespace moe::proxy
