#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/time.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "event/worker.h"
#include "net/prefix.h"
#include "upstream/cluster_info.h"
#include "upstream/host.h"
#include "upstream/load_balancer.h"

namespace moe::upstream {

// The hosts of an ORIGINAL_DST cluster on one worker: whatever connections were going to, each made
// when the first one comes. Those that nobody has used for a time are swept. On the worker.
class OriginalDstHosts {
public:
  // Whether a host can go: nothing of it is in use. It is forgotten when this says so.
  using Drop = std::function<bool(const Host& host)>;
  OriginalDstHosts(event::Worker& worker, ClusterInfoPtr info, Drop drop);
  ~OriginalDstHosts();

  // Null: it is not known where the connection was going.
  HostPtr choose(const LoadBalancerContext& context);

private:
  struct Key {
    net::Ip ip;
    uint16_t port;
    friend bool operator==(const Key&, const Key&) = default;
    template <class H> friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.ip, key.port);
    }
  };
  struct Entry {
    HostPtr host;
    bool used = true; // since the last sweep
  };

  net::AddressPtr destination(const LoadBalancerContext& context);
  void sweep();
  void armSweep();

  event::Worker& worker_;
  ClusterInfoPtr info_;
  Drop drop_;
  absl::flat_hash_map<Key, Entry> hosts_;
  std::unique_ptr<event::Timer> timer_;
};

} // namespace moe::upstream
