#pragma once

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/protocol.pb.h"
#include "http/codec/http2.h"

namespace moe::http {

// Http2ProtocolOptions of a listener or a cluster. Errors carry the field's path. Header limits are
// not part of it.
absl::StatusOr<Http2Settings>
readHttp2Options(const envoy::config::core::v3::Http2ProtocolOptions& proto,
                 const config::FieldPath& path);

} // namespace moe::http
