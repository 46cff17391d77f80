#pragma once

#include <string>
#include <string_view>

#include "http/header_map.h"

namespace moe::golang {

// A change of one header (or trailer) that a Go filter wants. A value type; any thread until it is
// applied.
struct HeaderEdit {
  enum class Kind { Set, Add, Remove };

  HeaderEdit(Kind what, std::string_view headerName, std::string_view headerValue);

  // What is wrong with it, or null. Go is trusted code but its values often come from a peer: what
  // could split or forge a message is refused here.
  const char* problem() const;
  // On the map's thread. "host" means ":authority".
  void apply(http::HeaderMap& map) const;

  Kind kind;
  std::string name; // lower case
  std::string value;
};

} // namespace moe::golang
