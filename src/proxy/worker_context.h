#pragma once

#include "base/intrusive_list.h"
#include "event/worker.h"
#include "http/header_map.h"
#include "proxy/overload_state.h"
#include "upstream/cluster_manager.h"

namespace moe::proxy {

struct DrainTag {};
// A downstream connection that wants to know when its worker begins to drain.
class Drainable : public base::ListLink<DrainTag> {
public:
  // Close when idle; say so to the peer.
  virtual void onDrain() = 0;
  // The drain time is over.
  virtual void closeNow() = 0;

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
  base::IntrusiveList<Drainable, DrainTag> connections;
  bool draining = false;
  uint64_t nextConnectionId = 0; // the low bits are the worker's
};

} // namespace moe::proxy
