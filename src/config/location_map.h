#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "config/field_path.h"

namespace google::protobuf {
class Message;
}

namespace moe::config {

/// A place in a configuration text; line and column count from 1. The file name is shared.
struct Location {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;

  /// `bootstrap.yaml:12:7`
  std::string str() const;
};

/// `file:line:column: ` in front of an error's text, marked so that it is not put there twice.
absl::Status located(const absl::Status& status, const Location& location);

/// From field path to the place in the text it came from. Filled by load.h; read by whoever has an
/// error that knows only its field path. Not synchronised; about 100 bytes for each value.
class LocationMap {
public:
  void add(std::string path, Location location);

  /// The place of `path`, or of its nearest ancestor that was in the text.
  std::optional<Location> find(std::string_view path) const;

  /// Puts `file:line:column: ` in front of the text of an error that names a field path (see
  /// fieldError). OK, and errors without a known path or with a place already, pass unchanged.
  absl::Status annotate(const absl::Status& status) const;

  /// Adds the places of `overlay`, whose message is about to be merged (MergeFrom) into `base`:
  /// elements of repeated fields are renumbered to come after those of `base`.
  void merge(const LocationMap& overlay, const google::protobuf::Message& base);

  bool empty() const { return places_.empty(); }
  size_t size() const { return places_.size(); }

private:
  absl::flat_hash_map<std::string, Location> places_;
};

} // namespace moe::config
