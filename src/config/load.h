#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "config/location_map.h"

namespace google::protobuf {
class Message;
class Struct;
} // namespace google::protobuf

namespace moe::config {

/// Limits and leniency of one load.
struct LoadOptions {
  size_t maxBytes = 64 << 20; ///< Larger texts are refused.
  int maxDepth = 100;         ///< Deeper nesting (and recursive aliases) is refused.
  /// Envoy's --allow-unknown-static-fields: skip unknown fields instead of refusing them.
  bool allowUnknownFields = false;
  /// Where set: receives one line `file:line:column: path: unknown field` for each field skipped.
  std::vector<std::string>* skipped = nullptr;
};

/// Reads a YAML or JSON file (by content; `.json` is read strictly as JSON) into `message`, which
/// is cleared first, by the proto3 JSON mapping. On error (`file:line:column: field path: found
/// ..., expected ...`) `message` is empty. `locations` may be null. Blocking; for the main thread.
absl::Status loadFile(const std::string& path, google::protobuf::Message& message,
                      LocationMap* locations = nullptr, const LoadOptions& options = {});

/// The same for a text in memory; `name` stands for the file name in errors.
absl::Status loadText(std::string_view name, std::string_view text,
                      google::protobuf::Message& message, LocationMap* locations = nullptr,
                      const LoadOptions& options = {});

/// Envoy's --config-yaml: reads `text` and merges it over `message` with MergeFrom (scalars that
/// are set replace, messages merge, repeated fields append). On error `message` is as it was.
absl::Status mergeText(std::string_view name, std::string_view text,
                       google::protobuf::Message& message, LocationMap* locations = nullptr,
                       const LoadOptions& options = {});

/// Reads a Struct (JSON without a text) into `message`; errors carry paths below `root`.
absl::Status loadStruct(const google::protobuf::Struct& from, google::protobuf::Message& message,
                        const FieldPath& root = FieldPath(), const LoadOptions& options = {});

} // namespace moe::config
