#pragma once

#include <chrono>

#include <google/protobuf/duration.pb.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/field_path.h"

namespace moe::config {

/// Whole milliseconds of a protobuf Duration. Negative, malformed and over-long (more than 100
/// years) durations are errors. Parts of a millisecond are cut off, but a positive duration is
/// never less than 1 ms, since 0 often means "no limit".
absl::StatusOr<std::chrono::milliseconds> toMillis(const google::protobuf::Duration& duration,
                                                   const FieldPath& path);

/// As toMillis, but 0 is an error too.
absl::StatusOr<std::chrono::milliseconds>
toPositiveMillis(const google::protobuf::Duration& duration, const FieldPath& path);

/// `fallback` where the field is not set: toMillisOr(c.has_x(), c.x(), 5s, path.field("x")).
absl::StatusOr<std::chrono::milliseconds> toMillisOr(bool isSet,
                                                     const google::protobuf::Duration& duration,
                                                     std::chrono::milliseconds fallback,
                                                     const FieldPath& path);

} // namespace moe::config
