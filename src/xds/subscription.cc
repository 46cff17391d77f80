#include "xds/subscription.h"

#include <algorithm>

#include "base/time.h"
#include "config/typed_config.h"

namespace moe::xds {
namespace {

constexpr std::string_view kAll = "*";

} // namespace

Watch::~Watch() {
  if (Subscription* subscription = state_->subscription; subscription != nullptr) {
    subscription->remove(state_);
  }
}

Subscription::Subscription(Options options)
    : options_(std::move(options)), table_(
                                        options_.loop, options_.consumer,
                                        [this](std::string_view name) { onExpired(name); }, this) {}

Subscription::~Subscription() {
  for (auto& [name, states] : watches_) {
    for (const auto& state : states) {
      state->subscription = nullptr;
      state->timer.reset();
    }
  }
}

std::unique_ptr<Watch> Subscription::watch(std::string_view name, WatchOptions options) {
  if (name == kAll) {
    return watchAll(std::move(options));
  }
  interest_.add(name);
  return add(name, std::move(options));
}

std::unique_ptr<Watch> Subscription::watchAll(WatchOptions options) {
  interest_.setWildcard(true);
  return add(kAll, std::move(options));
}

std::unique_ptr<Watch> Subscription::add(std::string_view name, WatchOptions options) {
  auto state = std::make_shared<Watch::State>(
      Watch::State{this, std::string(name), std::move(options), nullptr});
  watches_[name].push_back(state);
  auto handle = std::make_unique<Watch>(state);
  if (SubscriptionStats* stats = state->options.stats; stats != nullptr) {
    stats->attempt();
  } else if (options_.stats != nullptr) {
    options_.stats->attempt();
  }
  if (state->options.initialFetchTimeout.count() > 0) {
    state->timer = options_.loop.createTimer([this, weak = std::weak_ptr(state)] {
      if (const auto late = weak.lock(); late != nullptr) { // held: its callback may end the watch
        onTimeout(*late);
      }
    });
    state->timer->enable(state->options.initialFetchTimeout);
  }
  answerAtOnce(*state);
  if (options_.wake) {
    options_.wake();
  }
  return handle;
}

void Subscription::onTimeout(Watch::State& state) {
  SubscriptionStats* stats = state.options.stats != nullptr ? state.options.stats : options_.stats;
  if (stats != nullptr) {
    stats->initFetchTimeout();
  }
  MOE_LOG(*options_.logger, warn, "xds: no answer for {} \"{}\" within {} ms",
          config::typeNameOf(options_.typeUrl), state.name,
          state.options.initialFetchTimeout.count());
  answer(state, {.kind = WatchAnswer::Kind::TimedOut});
}

void Subscription::answerAtOnce(Watch::State& state) {
  using Kind = WatchAnswer::Kind;
  if (state.name == kAll) {
    if (answered_) {
      answer(state,
             {.kind = lastNack_.empty() ? Kind::Present : Kind::Refused, .error = lastNack_});
    }
    return;
  }
  if (const KeptResource* kept = table_.find(state.name); kept != nullptr) {
    if (kept->accepted) {
      answer(state, {.kind = Kind::Present, .resource = kept});
    } else if (kept->refusal) {
      answer(state, {.kind = Kind::Refused, .error = kept->refusal->error});
    }
  } else if (missing_.contains(state.name)) {
    answer(state, {.kind = Kind::Missing});
  }
}

void Subscription::remove(const std::shared_ptr<Watch::State>& state) {
  state->subscription = nullptr;
  state->timer.reset();
  const auto at = watches_.find(state->name);
  if (at == watches_.end()) {
    return;
  }
  std::erase(at->second, state);
  if (!at->second.empty()) {
    return;
  }
  watches_.erase(at);
  if (state->name == kAll) {
    interest_.setWildcard(false);
  } else {
    interest_.remove(state->name);
  }
  if (options_.wake) {
    options_.wake();
  }
}

void Subscription::onStreamStart() { options_.state->onStreamStart(); }

void Subscription::onStreamFailure() {
  if (options_.stats != nullptr) {
    options_.stats->failure();
  }
  for (const auto& [name, states] : watches_) {
    for (const auto& state : states) {
      if (state->options.stats != nullptr) {
        state->options.stats->failure();
      }
    }
  }
}

void Subscription::close() {
  interest_ = Interest();
  table_.forget({}, true, interest_);
}

std::unique_ptr<google::protobuf::Message> Subscription::next() {
  DiscoveryState::Next next = options_.state->next(interest_, [this] { return table_.versions(); });
  forget(next.changes);
  return std::move(next.request);
}

bool Subscription::settle() {
  const Interest::Changes changes = interest_.take();
  forget(changes);
  return !changes.added.empty() || changes.wildcardAdded;
}

void Subscription::forget(const Interest::Changes& changes) {
  for (const std::string& name : changes.removed) {
    missing_.erase(name);
  }
  if (!changes.removed.empty() || changes.wildcardRemoved) {
    table_.forget(changes.removed, changes.wildcardRemoved, interest_);
  }
}

void Subscription::onResponse(google::protobuf::Message& response) {
  const int64_t started = base::monotonicNanos();
  auto batch = options_.state->read(response);
  if (!batch.ok()) {
    NackText text;
    text.add("", base::message(batch.status()));
    options_.state->answer(text.str());
    onRefused(text.str());
  } else {
    process(*batch, started);
  }
  if (options_.wake) {
    options_.wake();
  }
}

void Subscription::onRefused(std::string_view error) {
  countRefusal(error);
  std::vector<std::string> names; // callbacks may change watches_
  for (const auto& [name, states] : watches_) {
    if (name != kAll) {
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    const KeptResource* kept = table_.find(name);
    tell(name, {.kind = WatchAnswer::Kind::Refused,
                .resource = kept != nullptr && kept->accepted ? kept : nullptr,
                .error = error});
  }
  tellAll(error);
}

void Subscription::countRefusal(std::string_view error) {
  MOE_LOG(*options_.logger, warn, "xds: {}: refused: {}", config::typeNameOf(options_.typeUrl),
          error);
  if (options_.stats != nullptr) {
    options_.stats->rejected();
  }
}

void Subscription::process(Batch& batch, int64_t started) {
  ResourceTable::Outcome outcome = table_.apply(batch, interest_);
  const std::string nack = outcome.nack.str();
  if (nack.empty()) {
    version_ = batch.version;
  }
  options_.state->answer(nack);
  for (const std::string& name : outcome.missing) {
    if (interest_.names().contains(name)) {
      missing_[name] = true;
    }
  }
  for (const std::string& name : outcome.accepted) {
    missing_.erase(name);
    for (const std::string& alias : table_.find(name)->aliases) {
      missing_.erase(alias);
    }
  }
  countUpdates(outcome, base::monotonicNanos() - started);
  for (const auto& [name, error] : batch.unavailable) {
    MOE_LOG(*options_.logger, warn, "xds: {} \"{}\": the control plane cannot give it: {}",
            config::typeNameOf(options_.typeUrl), name, error);
  }
  for (const std::string& name : outcome.accepted) {
    tellResource(name, WatchAnswer::Kind::Present, "");
  }
  for (const std::string& name : outcome.confirmed) {
    tellResource(name, WatchAnswer::Kind::Confirmed, "");
  }
  for (const std::string& name : outcome.missing) {
    tellResource(name, WatchAnswer::Kind::Missing, "");
  }
  for (const auto& [name, error] : outcome.refused) {
    tellResource(name, WatchAnswer::Kind::Refused, error);
  }
  if (!nack.empty()) {
    countRefusal(nack);
    tellAll(nack);
  } else {
    if (options_.stats != nullptr) {
      options_.stats->success(batch.version,
                              std::chrono::nanoseconds(base::monotonicNanos() - started));
    }
    tellAll("");
  }
}

void Subscription::countUpdates(const ResourceTable::Outcome& outcome, int64_t nanos) {
  const auto count = [&](const std::string& name, bool taken) {
    forEachWatch(name, [&](Watch::State& state) {
      if (state.options.stats == nullptr) {
        return;
      }
      const KeptResource* kept = table_.find(name);
      if (!taken || kept == nullptr) {
        state.options.stats->rejected();
      } else {
        state.options.stats->success(kept->version, std::chrono::nanoseconds(nanos));
      }
    });
  };
  for (const std::string& name : outcome.accepted) {
    count(name, true);
  }
  for (const std::string& name : outcome.confirmed) {
    count(name, true);
  }
  for (const auto& [name, error] : outcome.refused) {
    count(name, false);
  }
}

void Subscription::onExpired(std::string_view name) {
  MOE_LOG(*options_.logger, info, "xds: {} \"{}\": its time to live is over",
          config::typeNameOf(options_.typeUrl), name);
  if (interest_.names().contains(name)) {
    missing_[name] = true;
  }
  // The watchers of its aliases are found through it.
  std::vector<std::string> names{std::string(name)};
  if (const KeptResource* kept = table_.find(name); kept != nullptr) {
    names.insert(names.end(), kept->aliases.begin(), kept->aliases.end());
  }
  table_.remove(name);
  for (const std::string& each : names) {
    tell(each, {.kind = WatchAnswer::Kind::Missing});
  }
}

void Subscription::tellResource(std::string_view name, WatchAnswer::Kind kind,
                                std::string_view error) {
  const KeptResource* kept = table_.find(name);
  const std::vector<std::string> aliases =
      kept == nullptr ? std::vector<std::string>() : kept->aliases;
  const KeptResource* inUse = kept != nullptr && kept->accepted ? kept : nullptr;
  const WatchAnswer answer{.kind = kind, .resource = inUse, .error = error};
  tell(name, answer);
  for (const std::string& alias : aliases) {
    tell(alias, answer);
  }
}

void Subscription::tell(std::string_view name, const WatchAnswer& answer) {
  forEachWatch(name, [&](Watch::State& state) { Subscription::answer(state, answer); });
}

void Subscription::answer(Watch::State& state, const WatchAnswer& answer) {
  state.timer.reset();
  if (state.options.callback) {
    state.options.callback(answer);
  }
}

void Subscription::tellAll(std::string_view nack) {
  answered_ = true;
  lastNack_ = nack;
  const auto kind = nack.empty() ? WatchAnswer::Kind::Present : WatchAnswer::Kind::Refused;
  tell(kAll, {.kind = kind, .error = lastNack_});
}

void Subscription::forEachWatch(std::string_view name,
                                const std::function<void(Watch::State&)>& f) {
  const auto at = watches_.find(name);
  if (at == watches_.end()) {
    return;
  }
  const States states = at->second; // callbacks may add and remove watches
  for (const auto& state : states) {
    if (state->subscription != nullptr) {
      f(*state);
    }
  }
}

} // namespace moe::xds
