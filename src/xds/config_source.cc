#include "xds/config_source.h"

#include "config/deterministic.h"
#include "config/duration.h"
#include "xds/api_config.h"
#include "xds/channel.h"
#include "xds/grpc_stream.h"
#include "xds/type_urls.h"

namespace moe::xds {

namespace core = envoy::config::core::v3;
using config::fieldError;
using config::FieldPath;

struct ConfigSources::Carrier {
  std::string key;
  std::unique_ptr<Mux> mux;
  std::unique_ptr<FileSource> file;
};

ConfigSources::ConfigSources(Options options)
    : options_(std::move(options)),
      buryLater_(std::make_unique<event::NextTurn>(options_.loop, [this] { bury(); })) {}

ConfigSources::~ConfigSources() {
  self_.reset();
  for (auto& [key, weak] : carriers_) {
    if (const auto carrier = weak.lock(); carrier != nullptr) {
      carrier->mux.reset();
      carrier->file.reset();
    }
  }
  dead_.clear();
  ads_.reset();
  thread_.reset(); // joins: every stream has ended
}

void ConfigSources::addType(std::string typeUrl, Consumer& consumer, SubscriptionStats* stats) {
  types_[std::move(typeUrl)] = Type{&consumer, stats};
}

absl::StatusOr<std::unique_ptr<Mux>> ConfigSources::createMux(const core::ApiConfigSource& api,
                                                              std::string_view typeUrl,
                                                              const FieldPath& path,
                                                              const stats::Scope& scope) {
  if (absl::Status status = checkApi(api, path); !status.ok()) {
    return status;
  }
  const bool delta = *isDelta(api, path);
  const std::string method = isAggregated(api) ? aggregatedMethod(delta) : methodOf(typeUrl, delta);
  if (method.empty()) {
    return fieldError(path.field("api_type"), core::ApiConfigSource::ApiType_Name(api.api_type()),
                      base::cat("one that serves ", typeUrl));
  }
  auto channels = ChannelSource::create(api.grpc_services(0), path.field("grpc_services").index(0),
                                        options_.clusters);
  if (!channels.ok()) {
    return channels.status();
  }
  Mux::Options options{.loop = options_.loop,
                       .delta = delta,
                       .node = options_.node,
                       .nodeOnFirstMessageOnly = api.set_node_on_first_message_only(),
                       .scope = scope,
                       .logger = options_.logger};
  if (api.has_rate_limit_settings()) {
    auto limit = readRateLimit(api.rate_limit_settings(), path.field("rate_limit_settings"));
    if (!limit.ok()) {
      return limit.status();
    }
    options.rateLimit = *limit;
  }
  if (thread_ == nullptr) {
    thread_ = std::make_unique<CompletionThread>();
  }
  return std::make_unique<Mux>(std::move(options), std::make_unique<GrpcStream>(GrpcStream::Options{
                                                       .loop = options_.loop,
                                                       .thread = *thread_,
                                                       .channels = std::move(*channels),
                                                       .method = method,
                                                       .delta = delta}));
}

absl::Status ConfigSources::setAds(const core::ApiConfigSource& ads, const FieldPath& path) {
  // As in Envoy, GRPC and DELTA_GRPC mean their aggregated kinds here.
  core::ApiConfigSource aggregated = ads;
  if (ads.api_type() == core::ApiConfigSource::GRPC) {
    aggregated.set_api_type(core::ApiConfigSource::AGGREGATED_GRPC);
  } else if (ads.api_type() == core::ApiConfigSource::DELTA_GRPC) {
    aggregated.set_api_type(core::ApiConfigSource::AGGREGATED_DELTA_GRPC);
  }
  auto mux = createMux(aggregated, "", path, options_.stats.root());
  if (!mux.ok()) {
    return mux.status();
  }
  ads_ = std::move(*mux);
  return absl::OkStatus();
}

void ConfigSources::start() {
  started_ = true;
  if (ads_ != nullptr) {
    ads_->start();
  }
  for (const auto& [key, weak] : carriers_) {
    if (const auto carrier = weak.lock(); carrier != nullptr && carrier->mux != nullptr) {
      carrier->mux->start();
    }
  }
}

absl::StatusOr<ConfigSources::Opened> ConfigSources::open(const core::ConfigSource& source,
                                                          std::string_view typeUrl,
                                                          const FieldPath& path,
                                                          const stats::Scope& scope, Mux* self) {
  if (absl::Status status = checkSource(source, path); !status.ok()) {
    return status;
  }
  Opened opened;
  auto timeout =
      config::toMillisOr(source.has_initial_fetch_timeout(), source.initial_fetch_timeout(),
                         kInitialFetchTimeout, path.field("initial_fetch_timeout"));
  if (!timeout.ok()) {
    return timeout.status();
  }
  opened.initialFetchTimeout = *timeout;
  const auto type = types_.find(typeUrl);
  if (type == types_.end()) {
    return fieldError(path, config::inQuotes(typeUrl), "a type of resource that moe takes by xDS");
  }
  if (source.has_ads() || source.has_self()) {
    opened.mux = source.has_ads() ? ads_.get() : self;
    if (opened.mux == nullptr) {
      return source.has_ads() ? fieldError(path.field("ads"), "ads",
                                           "dynamic_resources.ads_config in the bootstrap")
                              : fieldError(path.field("self"), "self in static configuration",
                                           "a source of its own");
    }
    opened.subscription =
        &opened.mux->subscribe(typeUrl, *type->second.consumer, type->second.stats);
    return opened;
  }
  auto carrier = this->carrier(source, typeUrl, type->second, path, scope);
  if (!carrier.ok()) {
    return carrier.status();
  }
  opened.hold = *carrier;
  opened.mux = (*carrier)->mux.get();
  opened.subscription =
      opened.mux != nullptr
          ? &opened.mux->subscribe(typeUrl, *type->second.consumer, type->second.stats)
          : &(*carrier)->file->subscription();
  return opened;
}

absl::StatusOr<std::shared_ptr<ConfigSources::Carrier>>
ConfigSources::carrier(const core::ConfigSource& source, std::string_view typeUrl, const Type& type,
                       const FieldPath& path, const stats::Scope& scope) {
  core::PathConfigSource file = source.path_config_source();
  const google::protobuf::Message* what = &file;
  FieldPath at = path.field("path_config_source");
  std::string key;
  switch (source.config_source_specifier_case()) {
  case core::ConfigSource::kApiConfigSource:
    what = &source.api_config_source();
    at = path.field("api_config_source");
    key = isAggregated(source.api_config_source()) ? "*" : typeUrl;
    break;
  case core::ConfigSource::kPath:
    file.set_path(source.path());
    at = path; // `path` is a field of the source itself
    [[fallthrough]];
  case core::ConfigSource::kPathConfigSource:
    key = base::cat("file ", typeUrl);
    break;
  default:
    return fieldError(path, "no source", "ads, api_config_source or path_config_source");
  }
  key = base::cat(key, ' ', config::deterministic(*what));
  if (const auto known = carriers_.find(key); known != carriers_.end()) {
    if (auto carrier = known->second.lock(); carrier != nullptr) {
      return carrier;
    }
  }
  auto made = std::make_unique<Carrier>();
  made->key = key;
  if (source.has_api_config_source()) {
    auto mux = createMux(source.api_config_source(), typeUrl, at, scope);
    if (!mux.ok()) {
      return mux.status();
    }
    made->mux = std::move(*mux);
    if (started_) {
      made->mux->start();
    }
  } else {
    auto created = FileSource::create({.loop = options_.loop,
                                       .typeUrl = std::string(typeUrl),
                                       .consumer = *type.consumer,
                                       .stats = type.stats,
                                       .logger = options_.logger},
                                      file, at);
    if (!created.ok()) {
      return created.status();
    }
    made->file = std::move(*created);
  }
  std::shared_ptr<Carrier> shared(made.release(), [owner = std::weak_ptr(self_)](Carrier* carrier) {
    std::unique_ptr<Carrier> released(carrier);
    if (const auto here = owner.lock(); here != nullptr) {
      (*here)->release(std::move(released));
    }
  });
  carriers_[key] = shared;
  return shared;
}

void ConfigSources::forEach(std::string_view typeUrl,
                            const std::function<void(const Subscription&)>& f) const {
  const auto ofStream = [&](Mux& mux) {
    if (const Subscription* found = mux.find(typeUrl); found != nullptr) {
      f(*found);
    }
  };
  if (ads_ != nullptr) {
    ofStream(*ads_);
  }
  for (const auto& [key, weak] : carriers_) {
    const auto carrier = weak.lock();
    if (carrier == nullptr) {
      continue;
    }
    if (carrier->mux != nullptr) {
      ofStream(*carrier->mux);
    } else if (carrier->file->subscription().typeUrl() == typeUrl) {
      f(carrier->file->subscription());
    }
  }
}

void ConfigSources::forEachStream(const std::function<void(const Mux&)>& f) const {
  if (ads_ != nullptr) {
    f(*ads_);
  }
  for (const auto& [key, weak] : carriers_) {
    if (const auto carrier = weak.lock(); carrier != nullptr && carrier->mux != nullptr) {
      f(*carrier->mux);
    }
  }
}

void ConfigSources::bury() {
  const std::vector<std::unique_ptr<Carrier>> dead = std::move(dead_);
  dead_.clear();
  for (const auto& carrier : dead) {
    if (carrier->mux != nullptr) {
      carrier->mux->close();
    } else if (carrier->file != nullptr) {
      carrier->file->subscription().close();
    }
  }
}

void ConfigSources::release(std::unique_ptr<Carrier> carrier) {
  if (const auto at = carriers_.find(carrier->key); at != carriers_.end() && at->second.expired()) {
    carriers_.erase(at);
  }
  dead_.push_back(std::move(carrier));
  buryLater_->schedule();
}

} // namespace moe::xds
