#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"

namespace moe::tls {

// Larger sources are refused: revocation lists of big authorities have some ten MiB.
inline constexpr size_t kMaxSourceBytes = 64 * 1024 * 1024;

// The bytes of a core.v3.DataSource: filename (a regular file), inline_string, inline_bytes or
// environment_variable. Errors name the field and the file or variable, never what is in it; an
// empty source is an error. Reads files: main thread only.
absl::StatusOr<std::string> readSource(const envoy::config::core::v3::DataSource& source,
                                       const config::FieldPath& path);

// The source for people: its file name, "<environment NAME>" or "<inline>".
std::string sourceName(const envoy::config::core::v3::DataSource& source);

} // namespace moe::tls
