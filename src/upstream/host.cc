#include "upstream/host.h"

#include <algorithm>

#include "upstream/metadata_match.h"

namespace moe::upstream {

Host::Host(net::AddressPtr address, std::string hostname, uint32_t weight, uint32_t priority,
           envoy::config::core::v3::Locality locality, envoy::config::core::v3::Metadata metadata,
           bool healthy)
    : address_(std::move(address)), hostname_(std::move(hostname)), weight_(weight),
      priority_(priority), locality_(std::move(locality)), metadata_(std::move(metadata)),
      healthy_(healthy) {
  const auto lb = metadata_.filter_metadata().find("envoy.lb");
  if (lb != metadata_.filter_metadata().end()) {
    for (const auto& [key, value] : lb->second.fields()) {
      lbMetadata_.emplace_back(key, canonicalValue(value));
    }
    std::sort(lbMetadata_.begin(), lbMetadata_.end());
  }
}

const std::string* Host::lbMetadata(std::string_view key) const {
  const auto found =
      std::lower_bound(lbMetadata_.begin(), lbMetadata_.end(), key,
                       [](const auto& entry, std::string_view k) { return entry.first < k; });
  return found == lbMetadata_.end() || found->first != key ? nullptr : &found->second;
}

} // namespace moe::upstream
