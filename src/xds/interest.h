#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moe::xds {

// Which resources of a type are wanted, and which of these wishes the control plane has been told.
// The difference is what the next request says; a wish that comes and goes between two requests is
// never said.
class Interest {
public:
  using Names = std::set<std::string, std::less<>>;

  void add(std::string_view name);
  void remove(std::string_view name);
  void setWildcard(bool on) { wildcard_ = on; }

  const Names& names() const { return names_; }
  bool wildcard() const { return wildcard_; }
  bool empty() const { return names_.empty() && !wildcard_; }
  // Wanted, or not yet told otherwise: the control plane counts on what it sent meanwhile.
  bool wants(std::string_view name) const {
    return wildcard_ || toldWildcard_ || names_.contains(name) || touched_.contains(name);
  }
  // What was told may differ from what is wanted.
  bool changed() const { return !touched_.empty() || wildcard_ != toldWildcard_; }

  struct Changes {
    std::vector<std::string> added; // sorted
    std::vector<std::string> removed;
    bool wildcardAdded = false;
    bool wildcardRemoved = false;
    bool empty() const {
      return added.empty() && removed.empty() && !wildcardAdded && !wildcardRemoved;
    }
  };
  // The changes since the last call; from now on they count as told.
  Changes take();

private:
  Names names_;
  bool wildcard_ = false;
  Names told_;
  bool toldWildcard_ = false;
  Names touched_; // names whose state may differ between names_ and told_
};

} // namespace moe::xds
