#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "config/resource_source.h"
#include "config/warming.h"
#include "envoy/config/core/v3/extension.pb.h"
#include "event/slot.h"
#include "http/filter.h"
#include "stats/stats.h"

namespace moe::proxy {

using FilterSlot = event::Slot<http::FilterFactory>;
using ExtensionSource = config::ResourceSource<envoy::config::core::v3::TypedExtensionConfig>;

// An HTTP filter of one filter chain whose configuration comes and changes by name (ECDS). Ends on
// the main thread, which is its thread but for the slot.
class NamedFilter {
public:
  virtual ~NamedFilter() = default;
  // What workers see. Null: there is no configuration, and no default.
  virtual const std::shared_ptr<const FilterSlot>& slot() const = 0;
  // Until the first configuration is there, or known not to come, `waiting` waits.
  virtual void warm(config::Warming& waiting) = 0;
};

// All configurations that come by name. One that comes is compiled for each filter chain that uses
// it, and taken by all of them or by none. Main thread; outlives the configuration that uses it.
class NamedFilters {
public:
  struct Options {
    ExtensionSource* source;
    event::Loop& mainLoop;
    const event::WorkerLoops& workers;
    uint32_t concurrency;
    stats::Store& stats; // extension_config_discovery.http_filter.<name>.
    base::LoggerPtr logger;
  };
  // Makes a filter of what came; errors name the field below `path`, and a type that is not wanted.
  using Compile = std::function<absl::StatusOr<http::FilterFactoryPtr>(
      const google::protobuf::Any&, const config::FieldPath& path)>;

  explicit NamedFilters(Options options) : options_(std::move(options)) {}
  // A use of the configuration of this name from this source. Without one, `byDefault` is used,
  // which may be null. Errors name the field below `path`.
  absl::StatusOr<std::shared_ptr<NamedFilter>>
  use(const envoy::config::core::v3::ConfigSource& source, const std::string& name, Compile compile,
      const http::FilterFactoryPtr& byDefault, const config::FieldPath& path);

private:
  class Extension;
  class Use;
  const Options options_;
  std::map<std::string, std::weak_ptr<Extension>> extensions_; // by source and name
};

} // namespace moe::proxy
