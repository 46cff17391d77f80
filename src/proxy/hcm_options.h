#pragma once

#include "proxy/hcm_config.h"

namespace moe::proxy {

// http_protocol_options and the limits of heads.
absl::Status readHttp1(const HttpConnectionManagerProto& proto, const config::FieldPath& path,
                       HcmConfig& out);
// The connection manager's rules for paths, hosts, header names and durations.
absl::Status readRules(const HttpConnectionManagerProto& proto, const config::FieldPath& path,
                       const FactoryContext& context, HcmConfig& out);
// http_filters, those whose configuration comes by name among them.
absl::Status readHttpFilters(const HttpConnectionManagerProto& proto, const config::FieldPath& path,
                             const FactoryContext& context, HcmConfig& out);

} // namespace moe::proxy
