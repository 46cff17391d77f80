#pragma once

#include "event/worker.h"
#include "http/header_map.h"
#include "proxy/overload_state.h"
#include "upstream/cluster_manager.h"

namespace moe::proxy {

// A network filter that ends its connection when asked to.
class Drainable {
public:
  // Close when idle; say so to the peer.
  virtual void onDrain() = 0;

protected:
  ~Drainable() = default;
};

// What filters and connections of one worker work with; outlives them.
struct WorkerContext {
  WorkerContext(event::Worker& w, OverloadState& o) : worker(w), headers(w.slab), overload(o) {}

  event::Worker& worker;
  http::HeaderMapPool headers;
  OverloadState& overload; // of all workers
  std::unique_ptr<upstream::WorkerClusters> clusters;
  bool draining = false;
  uint64_t nextConnectionId = 0; // the low bits are the worker's
};

} // namespace moe::proxy
