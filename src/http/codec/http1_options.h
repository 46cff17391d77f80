#pragma once

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/protocol.pb.h"
#include "http/codec/http1.h"

namespace moe::http {

// Http1ProtocolOptions.header_key_format: proper_case_words, or the formatter preserve_case.
absl::StatusOr<Http1NameCase>
readNameCase(const envoy::config::core::v3::Http1ProtocolOptions& options,
             const config::FieldPath& path);

} // namespace moe::http
