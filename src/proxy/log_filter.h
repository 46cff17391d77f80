#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "http/formatter.h"
#include "proxy/factory.h"

namespace moe::proxy {

// Tells whether a request fits an access log's filter. Immutable; any thread.
using LogFilter = std::function<bool(const http::FormatContext&)>;

// status_code_filter, duration_filter, header_filter, response_flag_filter, grpc_status_filter, and
// and_filter and or_filter of them; others are errors. What a runtime key says counts when a
// request is looked at; `runtime` may be null: keys say nothing.
absl::StatusOr<LogFilter>
compileLogFilter(const envoy::config::accesslog::v3::AccessLogFilter& filter,
                 const config::FieldPath& path, config::Runtime* runtime);

} // namespace moe::proxy
