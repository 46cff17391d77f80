#pragma once

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "event/loop.h"
#include "server/filter_chain.h"
#include "server/slices.h"

namespace moe::server {

struct ChainMemberTag {};
// A connection, as its filter chain sees it.
class ChainMember : public base::ListLink<ChainMemberTag> {
public:
  // Close when idle; say so to the peer.
  virtual void drain() = 0;
  virtual void closeNow() = 0;

protected:
  ~ChainMember() = default;
};

struct WorkerChainTag {};
// One filter chain on one worker: its connections, and whether they are to end. Owned by the
// listener that it belongs to and by each of its connections. On the worker's thread.
class WorkerChain : public std::enable_shared_from_this<WorkerChain>,
                    public base::ListLink<WorkerChainTag> {
public:
  static constexpr uint64_t kNever = UINT64_MAX;

  // Loop and slices outlive it.
  WorkerChain(FilterChainPtr chain, event::Loop& loop, Slices& slices)
      : chain_(std::move(chain)), loop_(loop), slices_(slices) {}

  const FilterChain& chain() const { return *chain_; }
  // Of a chain that drains, the connection is told by whoever made it.
  void add(ChainMember& member) { (draining_ ? told_ : members_).pushBack(member); }
  bool draining() const { return draining_; }
  // Asks every connection to end, a few a turn. Those that are there at `deadlineMs` of the loop's
  // time are closed. The earliest deadline counts.
  void drain(uint64_t deadlineMs);
  // At once: the worker ends.
  void closeAll();

private:
  // At most so many; false: there are no more.
  bool tellSome();
  bool closeSome(int most);

  const FilterChainPtr chain_;
  event::Loop& loop_;
  Slices& slices_;
  base::IntrusiveList<ChainMember, ChainMemberTag> members_;
  base::IntrusiveList<ChainMember, ChainMemberTag> told_; // of the drain
  bool draining_ = false;
  uint64_t deadline_ = kNever;
  std::unique_ptr<event::Timer> timer_;
};

} // namespace moe::server
