#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "base/strings.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/core/v3/config_source.pb.h"
#include "stats/stats.h"
#include "xds/cluster_addresses.h"
#include "xds/completion_thread.h"
#include "xds/files.h"
#include "xds/mux.h"

namespace moe::xds {

// From a ConfigSource to the subscription that serves it: the aggregated stream, a stream or file
// that those who name the same source share. Main thread; ends before the loop, the clusters, the
// consumers and the statistics that it was given.
class ConfigSources {
public:
  struct Options {
    event::Loop& loop;
    const ClusterAddresses& clusters;
    envoy::config::core::v3::Node node;
    stats::Store& stats;
    base::LoggerPtr logger;
  };
  explicit ConfigSources(Options options);
  ~ConfigSources();
  ConfigSources(const ConfigSources&) = delete;
  ConfigSources& operator=(const ConfigSources&) = delete;

  // Who takes the resources of a type, from whatever source; once for each type, before open().
  // `stats`: of the type as a whole (clusters, listeners); null where each watch counts.
  void addType(std::string typeUrl, Consumer& consumer, SubscriptionStats* stats);

  // Bootstrap's dynamic_resources.ads_config; at most once, before start().
  absl::Status setAds(const envoy::config::core::v3::ApiConfigSource& ads,
                      const config::FieldPath& path);
  // Streams connect from now on, those that are there in one turn: after those who want something
  // at the start have said so.
  void start();
  Mux* ads() { return ads_.get(); } // null: there is none

  // What open() gives. The subscription lives as long as somebody holds it, but no longer than the
  // ConfigSources.
  struct Opened {
    std::shared_ptr<void> hold;
    Subscription* subscription = nullptr;
    Mux* mux = nullptr; // null: a file
    std::chrono::milliseconds initialFetchTimeout = kInitialFetchTimeout;
  };
  // `scope`: of control_plane.* if this makes a stream. `self`: the stream that the configuration
  // came by, which a source may name by `self`; null for static configuration. Errors name the
  // field below `path`.
  absl::StatusOr<Opened> open(const envoy::config::core::v3::ConfigSource& source,
                              std::string_view typeUrl, const config::FieldPath& path,
                              const stats::Scope& scope, Mux* self = nullptr);

  // Each subscription of a type, from whatever source.
  void forEach(std::string_view typeUrl, const std::function<void(const Subscription&)>& f) const;

  void forEachStream(const std::function<void(const Mux&)>& f) const;

  // Streams and files besides the aggregated one.
  size_t carriers() const { return carriers_.size(); }

private:
  struct Type {
    Consumer* consumer;
    SubscriptionStats* stats;
  };
  struct Carrier; // a stream or a file
  absl::StatusOr<std::unique_ptr<Mux>>
  createMux(const envoy::config::core::v3::ApiConfigSource& api, std::string_view typeUrl,
            const config::FieldPath& path, const stats::Scope& scope);
  absl::StatusOr<std::shared_ptr<Carrier>>
  carrier(const envoy::config::core::v3::ConfigSource& source, std::string_view typeUrl,
          const Type& type, const config::FieldPath& path, const stats::Scope& scope);
  void release(std::unique_ptr<Carrier> carrier);
  void bury();

  Options options_;
  std::shared_ptr<ConfigSources*> self_ = std::make_shared<ConfigSources*>(this);
  base::StringMap<Type> types_;
  bool started_ = false;
  std::unique_ptr<CompletionThread> thread_; // made for the first stream
  std::unique_ptr<Mux> ads_;
  base::StringMap<std::weak_ptr<Carrier>> carriers_; // by source
  std::vector<std::unique_ptr<Carrier>> dead_;       // released, maybe by what they called
  std::unique_ptr<event::NextTurn> buryLater_;
};

} // namespace moe::xds
