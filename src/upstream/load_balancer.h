#pragma once

#include <memory>
#include <optional>

#include "base/random.h"
#include "http/header_map.h"
#include "upstream/host.h"
#include "upstream/metadata_match.h"

namespace moe::upstream {

// What a request tells the balancer. Lives during one chooseHost().
struct LoadBalancerContext {
  const MetadataMatch* metadataMatch = nullptr; // null: none
  std::optional<uint64_t> hash;
  // Where the downstream connection was going, if that was restored; null: not known.
  const net::AddressPtr* destination = nullptr;
  const http::HeaderMap* headers = nullptr; // of the request; null: a TCP connection
  bool mayDrop = true;                      // drop_overloads counts: not for what was let in
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
