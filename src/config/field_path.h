#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace moe::config {

/// Where a value sits inside a message, as people write it: `static_resources.clusters[3].name`,
/// `metadata.filter_metadata["envoy.lb"]`. The inside of an Any continues the path of the Any
/// itself, as it does in YAML. A value type: each step returns a new path and leaves this one
/// alone.
class FieldPath {
public:
  FieldPath() = default;
  explicit FieldPath(std::string_view root) : text_(root) {}

  /// One message field (its .proto name) or struct key.
  FieldPath field(std::string_view name) const;
  /// One element of a repeated field, counted from 0.
  FieldPath index(size_t i) const;
  /// One entry of a map field.
  FieldPath key(std::string_view key) const;

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const FieldPath&, const FieldPath&) = default;

private:
  std::string text_;
};

/// `<path>: found <found>, expected <expected>` as an InvalidArgument status that also carries the
/// path as a payload, so that LocationMap::annotate can add file, line and column later.
/// `found` is put as it is: quote strings with `inQuotes`. An empty `found` leaves that half out.
absl::Status fieldError(const FieldPath& path, std::string_view found, std::string_view expected);

/// `<path>: <text>`, for errors which have another shape than found and expected.
absl::Status fieldError(const FieldPath& path, std::string_view text,
                        absl::StatusCode code = absl::StatusCode::kInvalidArgument);

/// The path that fieldError put into `status`, or "" where there is none.
std::string pathOf(const absl::Status& status);

/// Puts `parent` in front of the path (in text and payload) of an error that was made with a path
/// relative to `parent`; other errors get `<parent>: ` in front. OK stays OK.
absl::Status underField(const FieldPath& parent, const absl::Status& status);

/// `text` in double quotes, control characters escaped, cut after 80 bytes: for error texts.
std::string inQuotes(std::string_view text);

} // namespace moe::config
