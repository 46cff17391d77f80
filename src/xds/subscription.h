#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "base/log.h"
#include "base/strings.h"
#include "event/loop.h"
#include "xds/consumer.h"
#include "xds/discovery_state.h"
#include "xds/resource_table.h"
#include "xds/watch.h"

namespace moe::xds {

// The resources of one type from one source: who wants which, and what has come. Main thread.
// Whoever carries its messages (Mux, FileSource) asks it for requests and gives it responses.
class Subscription {
public:
  struct Options {
    std::string typeUrl;
    event::Loop& loop;
    Consumer& consumer;
    std::unique_ptr<DiscoveryState> state;
    base::LoggerPtr logger;
    SubscriptionStats* stats = nullptr; // of the type; null: the watches count, each for itself
    std::function<void()> wake;         // there may be something to send
  };
  explicit Subscription(Options options);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Watches one resource by name (or alias). If there is an answer already it is given before this
  // returns.
  std::unique_ptr<Watch> watch(std::string_view name, WatchOptions options);
  // Watches whatever the control plane has: answered after each response.
  std::unique_ptr<Watch> watchAll(WatchOptions options);

  const std::string& typeUrl() const { return options_.typeUrl; }
  const ResourceTable& resources() const { return table_; }
  // Of the response that was accepted last; "" before.
  const std::string& version() const { return version_; }

  // For the carrier.
  void onStreamStart();
  void onStreamFailure(); // also if no stream could be made
  void onResponse(google::protobuf::Message& response);
  // A whole response could not be read: every watch is told.
  void onRefused(std::string_view error);
  bool hasNext() const { return options_.state->hasNext(interest_); }
  // The next request, or null; while a stream is there only.
  std::unique_ptr<google::protobuf::Message> next();
  // Without a stream: what is not wanted any more need not be unsubscribed to be forgotten. True:
  // something else is wanted since the last call.
  bool settle();
  // Its source is given up: so is what is here, and the consumer is told.
  void close();
  size_t unanswered() const { return options_.state->unanswered(); }
  std::unique_ptr<google::protobuf::Message> newResponse() const {
    return options_.state->newResponse();
  }

private:
  friend class Watch;
  using States = std::vector<std::shared_ptr<Watch::State>>;

  std::unique_ptr<Watch> add(std::string_view name, WatchOptions options);
  void remove(const std::shared_ptr<Watch::State>& state);
  void forget(const Interest::Changes& changes);
  void onExpired(std::string_view name);
  void countRefusal(std::string_view error);
  void process(Batch& batch, int64_t started);
  void tell(std::string_view name, const WatchAnswer& answer);
  void tellResource(std::string_view name, WatchAnswer::Kind kind, std::string_view error);
  static void answer(Watch::State& state, const WatchAnswer& answer);
  void tellAll(std::string_view nack);
  void forEachWatch(std::string_view name, const std::function<void(Watch::State&)>& f);
  void countUpdates(const ResourceTable::Outcome& outcome, int64_t nanos);
  void onTimeout(Watch::State& state);
  void answerAtOnce(Watch::State& state);

  Options options_;
  Interest interest_;
  ResourceTable table_;
  std::string version_;
  base::StringMap<States> watches_; // by name; "*": all
  // Names the control plane has no resource for, as far as is known, among those that are watched.
  base::StringMap<bool> missing_;
  bool answered_ = false; // a response has come
  std::string lastNack_;
};

} // namespace moe::xds
