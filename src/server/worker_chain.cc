#include "server/worker_chain.h"

namespace moe::server {
namespace {

constexpr int kASlice = 32; // connections

} // namespace

void WorkerChain::drain(uint64_t deadlineMs) {
  if (!std::exchange(draining_, true)) {
    slices_.add([weak = weak_from_this()] {
      const auto self = weak.lock();
      return self != nullptr && self->tellSome();
    });
  }
  if (deadlineMs >= deadline_) {
    return;
  }
  deadline_ = deadlineMs;
  timer_ = loop_.createTimer([this] {
    slices_.add([weak = weak_from_this()] {
      const auto self = weak.lock();
      return self != nullptr && self->closeSome(kASlice);
    });
  });
  const uint64_t now = loop_.nowMs();
  timer_->enable(base::Milliseconds(deadline_ > now ? deadline_ - now : 0));
}

bool WorkerChain::tellSome() {
  for (int i = 0; i < kASlice; ++i) {
    if (members_.empty()) {
      return false;
    }
    ChainMember& member = members_.front();
    told_.pushBack(member);
    member.drain();
  }
  return true;
}

bool WorkerChain::closeSome(int most) {
  for (int i = 0; i < most; ++i) {
    auto& from = members_.empty() ? told_ : members_;
    if (from.empty()) {
      return false;
    }
    ChainMember& member = from.front();
    member.unlink();
    member.closeNow();
  }
  return true;
}

void WorkerChain::closeAll() {
  while (closeSome(kASlice)) {
  }
}

} // namespace moe::server
