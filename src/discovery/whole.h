#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "discovery/decoder.h"
#include "discovery/sources.h"
#include "xds/consumer.h"
#include "xds/subscription.h"

namespace moe::discovery {

// Whoever owns all objects of one kind: clusters, listeners. Main thread.
template <class Message> class Collection {
public:
  // New, or in the place of the one of that name. An error refuses it, and changes nothing.
  virtual absl::Status set(const Message& message, std::string_view version) = 0;
  virtual void remove(std::string_view name) = 0;

protected:
  ~Collection() = default;
};

// Resources of which whatever the control plane has is wanted: clusters (CDS), listeners (LDS).
// Main thread; outlives the subscriptions.
template <class Message> class Whole final : public xds::Consumer {
public:
  struct Options {
    Sources& sources;
    Decoder& decoder;
    std::string_view typeUrl; // a literal
    Collection<Message>& collection;
    stats::Scope scope;         // of update_success and the like
    bool removalsFirst = false; // what is removed makes room (addresses) for what is added
  };
  explicit Whole(Options options) : options_(std::move(options)), stats_(options_.scope) {}

  xds::SubscriptionStats& stats() { return stats_; }

  // Errors name the field below `path`.
  absl::Status open(const envoy::config::core::v3::ConfigSource& source,
                    const config::FieldPath& path) {
    auto opened = options_.sources.open(source, options_.typeUrl, path, options_.scope);
    if (!opened.ok()) {
      return opened.status();
    }
    opened_ = std::move(*opened);
    return absl::OkStatus();
  }

  // Begins to ask, after open(); without a source there is nothing to come. `first` is called once:
  // after the first answer, or none in time; maybe at once.
  void start(std::function<void()> first) {
    if (opened_.subscription == nullptr) {
      first();
      return;
    }
    first_ = std::move(first);
    watch_ = opened_.subscription->watchAll({.callback =
                                                 [this](const xds::WatchAnswer& /*answer*/) {
                                                   if (const auto f = std::exchange(first_, {})) {
                                                     f();
                                                   }
                                                 },
                                             .initialFetchTimeout = opened_.initialFetchTimeout});
  }

  // What has come, for /config_dump; null: there is no source.
  const xds::Subscription* subscription() const { return opened_.subscription; }

  void onUpdate(const xds::Update& update, xds::Refusals& refusals) override {
    const Sources::By by(options_.sources, opened_.mux);
    if (options_.removalsFirst) {
      remove(update);
    }
    for (const xds::Resource& resource : update.changed) {
      auto message = options_.decoder.template decode<Message>(resource.name, resource.body);
      absl::Status status = message.status();
      if (message.ok() && message->name() != resource.name) {
        status = config::fieldError(config::FieldPath("name"), config::inQuotes(message->name()),
                                    config::inQuotes(resource.name));
      }
      if (!status.ok()) {
        refusals.add(resource.name, base::message(status));
        continue;
      }
      status = options_.collection.set(*message, resource.version);
      if (!status.ok()) {
        refusals.addPassing(resource.name, base::message(status));
      }
    }
    if (!options_.removalsFirst) {
      remove(update);
    }
  }

private:
  void remove(const xds::Update& update) {
    for (const std::string& name : update.removed) {
      options_.collection.remove(name);
    }
  }

  Options options_;
  xds::SubscriptionStats stats_;
  Sources::Opened opened_;
  std::function<void()> first_;
  std::unique_ptr<xds::Watch> watch_; // Last: ends before its source.
};

} // namespace moe::discovery
