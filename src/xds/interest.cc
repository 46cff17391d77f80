#include "xds/interest.h"

namespace moe::xds {

void Interest::add(std::string_view name) {
  if (names_.emplace(name).second) {
    touched_.emplace(name);
  }
}

void Interest::remove(std::string_view name) {
  if (const auto at = names_.find(name); at != names_.end()) {
    touched_.insert(names_.extract(at));
  }
}

Interest::Changes Interest::take() {
  Changes changes;
  for (const std::string& name : touched_) {
    const bool wanted = names_.contains(name);
    if (wanted == told_.contains(name)) {
      continue;
    }
    if (wanted) {
      told_.insert(name);
      changes.added.push_back(name);
    } else {
      told_.erase(name);
      changes.removed.push_back(name);
    }
  }
  touched_.clear();
  changes.wildcardAdded = wildcard_ && !toldWildcard_;
  changes.wildcardRemoved = !wildcard_ && toldWildcard_;
  toldWildcard_ = wildcard_;
  return changes;
}

} // namespace moe::xds
