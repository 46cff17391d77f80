#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "config/resource_source.h"
#include "discovery/decoder.h"
#include "discovery/sources.h"
#include "xds/consumer.h"
#include "xds/subscription.h"

namespace moe::discovery {

// Resources that somebody asks for by name: endpoints (EDS), routes (RDS), secrets (SDS). Each is
// decoded once and given to all who watch it in that source. Main thread; outlives the watches and
// the subscriptions.
template <class Message>
class Named final : public config::ResourceSource<Message>, public xds::Consumer {
public:
  using Source = config::ResourceSource<Message>;
  using typename Source::Receiver;
  using typename Source::Watch;

  struct Options {
    Sources& sources;
    Decoder& decoder;
    std::string_view typeUrl; // a literal
    base::LoggerPtr logger;
  };
  explicit Named(Options options) : options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<Watch>> watch(const envoy::config::core::v3::ConfigSource& source,
                                               const std::string& name, Receiver& receiver,
                                               const config::FieldPath& path,
                                               const stats::Scope& scope) override {
    if (name.empty() || name == "*") { // "*" is all there are
      return config::fieldError(path, base::cat("the name ", config::inQuotes(name)),
                                "the name of one resource");
    }
    auto opened = options_.sources.open(source, options_.typeUrl, path, scope);
    if (!opened.ok()) {
      return opened.status();
    }
    auto entry = std::make_unique<Entry>(*this, Key(opened->subscription, name), receiver, scope,
                                         std::move(opened->hold));
    entry->begin(*opened->subscription, opened->initialFetchTimeout);
    return entry;
  }

  // One that somebody refuses is refused, though others may have taken it.
  void onUpdate(const xds::Update& update, xds::Refusals& refusals) override {
    for (const xds::Resource& resource : update.changed) {
      auto message = options_.decoder.template decode<Message>(resource.name, resource.body);
      if (!message.ok()) {
        refusals.add(resource.name, base::message(message.status()));
        continue;
      }
      absl::Status status = give(update.from, resource.name, *message);
      for (const std::string& alias : resource.aliases) {
        status.Update(give(update.from, alias, *message));
      }
      if (!status.ok()) {
        refusals.addPassing(resource.name, base::message(status));
      }
    }
    // What is removed: each watch is told that it is missing.
  }

private:
  using Key = std::pair<const xds::Subscription*, std::string>;

  class Entry final : public Watch {
  public:
    Entry(Named& owner, Key key, Receiver& receiver, const stats::Scope& scope,
          std::shared_ptr<void> hold)
        : owner_(owner), key_(std::move(key)), receiver_(receiver), hold_(std::move(hold)),
          scope_(scope), stats_(scope_) {
      owner_.entries_[key_].push_back(this);
    }
    ~Entry() override {
      const auto at = owner_.entries_.find(key_);
      std::erase(at->second, this);
      if (at->second.empty()) {
        owner_.entries_.erase(at);
      }
    }

    void begin(xds::Subscription& subscription, std::chrono::milliseconds timeout) {
      beginning_ = true;
      watch_ = subscription.watch(
          key_.second, {.callback = [this](const xds::WatchAnswer& answer) { onAnswer(answer); },
                        .initialFetchTimeout = timeout,
                        .stats = &stats_});
      beginning_ = false;
    }
    absl::Status give(const Message& message) { return receiver_.onResource(message); }

  private:
    void onAnswer(const xds::WatchAnswer& answer) {
      if (answer.kind == xds::WatchAnswer::Kind::Confirmed) {
        receiver_.onConfirmed();
        return;
      }
      if (answer.kind != xds::WatchAnswer::Kind::Present || answer.resource == nullptr) {
        if (answer.resource == nullptr) {
          receiver_.onAbsent();
        }
        return;
      }
      if (!beginning_) {
        return; // onUpdate has given it
      }
      // It was there before: those who had it then took it.
      auto message =
          owner_.options_.decoder.template decode<Message>(key_.second, answer.resource->body);
      absl::Status status = message.status();
      if (message.ok()) {
        status = receiver_.onResource(*message);
      }
      if (!status.ok()) {
        MOE_LOG(*owner_.options_.logger, warn, "xds: {} \"{}\": {}",
                config::typeNameOf(owner_.options_.typeUrl), key_.second, base::message(status));
        receiver_.onAbsent();
      }
    }

    Named& owner_;
    const Key key_;
    Receiver& receiver_;
    const std::shared_ptr<void> hold_; // ends after the watch
    const stats::Scope scope_;
    xds::SubscriptionStats stats_;
    bool beginning_ = false;
    std::unique_ptr<xds::Watch> watch_;
  };

  absl::Status give(const xds::Subscription* from, const std::string_view name,
                    const Message& message) {
    const Key key(from, name);
    const auto at = entries_.find(key);
    if (at == entries_.end()) {
      return absl::OkStatus();
    }
    absl::Status status;
    for (Entry* entry : std::vector<Entry*>(at->second)) { // it may end some, and add more
      const auto now = entries_.find(key);
      if (now != entries_.end() &&
          std::find(now->second.begin(), now->second.end(), entry) != now->second.end()) {
        status.Update(entry->give(message));
      }
    }
    return status;
  }

  Options options_;
  std::map<Key, std::vector<Entry*>> entries_;
};

} // namespace moe::discovery
