#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "event/loop.h"
#include "xds/resource.h"
#include "xds/subscription_stats.h"

namespace moe::xds {

class Subscription;

// What is known about a resource that is watched.
struct WatchAnswer {
  enum class Kind {
    Present,   // it is here and its consumer has taken it; again after each change
    Confirmed, // the same has come again
    Missing,   // it does not exist: removed, expired, or the control plane says so
    Refused,   // what came cannot be used; what was there before (`resource`) stays
    TimedOut,  // initial_fetch_timeout is over without an answer; one may still come
  };
  Kind kind = Kind::Present;
  const KeptResource* resource = nullptr; // what is in use; null: nothing, or all are watched
  std::string_view error;                 // if refused
};
using WatchCallback = std::function<void(const WatchAnswer& answer)>;

// Envoy's ConfigSource.initial_fetch_timeout, where it is not set.
inline constexpr std::chrono::milliseconds kInitialFetchTimeout{15'000};

struct WatchOptions {
  WatchCallback callback;                                               // may be null
  std::chrono::milliseconds initialFetchTimeout = kInitialFetchTimeout; // 0: waits for ever
  SubscriptionStats* stats = nullptr; // of this resource alone; outlives the watch; may be null
};

// One party's wish for one resource, or for all. Shared by nobody; many may name one resource,
// which is given up after the last of them. May be destroyed at any time, in callbacks, too, and
// may outlive its subscription.
class Watch {
public:
  struct State {
    Subscription* subscription; // null after its end, or after the watch's
    std::string name;           // "*": all
    WatchOptions options;
    std::unique_ptr<event::Timer> timer; // until the first answer
  };
  explicit Watch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  const std::string& name() const { return state_->name; }

private:
  std::shared_ptr<State> state_;
};

} // namespace moe::xds
