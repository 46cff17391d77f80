#pragma once

#include <memory>
#include <optional>

#include "base/random.h"
#include "upstream/host.h"
#include "upstream/metadata_match.h"

namespace moe::upstream {

// What a request tells the balancer. Lives during one chooseHost().
struct LoadBalancerContext {
  const MetadataMatch* metadataMatch = nullptr; // null: none
  std::optional<uint64_t> hash;
};

// Chooses hosts for one worker from the snapshot it was built with; rebuilt when hosts change.
// Not thread-safe.
class LoadBalancer {
public:
  virtual ~LoadBalancer() = default;
  // Null: no host fits.
  virtual HostPtr chooseHost(const LoadBalancerContext& context) = 0;
};
using LoadBalancerPtr = std::unique_ptr<LoadBalancer>;

} // namespace moe::upstream
