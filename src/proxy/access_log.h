#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <memory>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "http/formatter.h"
#include "proxy/factory.h"

namespace moe::proxy {

// Writes one line a request to a file or to standard output or error, through a LogWriter. Any
// thread; `worker` is the index of the calling worker.
class AccessLog {
public:
  virtual ~AccessLog() = default;
  virtual void log(const http::FormatContext& context, uint32_t worker) const = 0;
};
using AccessLogPtr = std::shared_ptr<const AccessLog>;

// The `access_log` list of a connection manager or a TCP proxy.
absl::StatusOr<std::vector<AccessLogPtr>> compileAccessLogs(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& logs,
    const config::FieldPath& path, const FactoryContext& context);

} // namespace moe::proxy
