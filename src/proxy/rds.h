#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "config/resource_source.h"
#include "config/warming.h"
#include "event/slot.h"
#include "route/route_table.h"
#include "stats/stats.h"

namespace moe::proxy {

using RouteSlot = event::Slot<route::RouteTable>;
using RouteSource = config::ResourceSource<envoy::config::route::v3::RouteConfiguration>;

// A route table that comes and changes by name (RDS): one for all connection managers that name it.
// Main thread, but for the slot.
class NamedRoutes {
public:
  virtual ~NamedRoutes() = default;
  // What workers see; null before the first table: no request has a route.
  virtual const std::shared_ptr<const RouteSlot>& slot() const = 0;
  // Until the first table is there, or known not to come, `waiting` waits.
  virtual void warm(config::Warming& waiting) = 0;
};

// All named route tables. Main thread; outlives the configuration that uses it.
class RouteTables {
public:
  struct Options {
    RouteSource* source = nullptr; // null: RDS is refused
    event::Loop& mainLoop;
    const event::WorkerLoops& workers;
    uint32_t concurrency;
    stats::Store& stats;
  };
  // `compile` makes a table of what came; errors name the field.
  using Compile = std::function<absl::StatusOr<route::RouteTablePtr>(
      const envoy::config::route::v3::RouteConfiguration&)>;

  explicit RouteTables(Options options) : options_(options) {}
  // The table of this name from this source, which lives as long as somebody has it. Errors name
  // the field below `path`. `scope` is that of the first who asks: "http.<stat_prefix>.".
  absl::StatusOr<std::shared_ptr<NamedRoutes>>
  get(const envoy::config::core::v3::ConfigSource& source, const std::string& name,
      const Compile& compile, const config::FieldPath& path, const stats::Scope& scope);

private:
  class Table;
  Options options_;
  std::map<std::string, std::weak_ptr<Table>> tables_; // by source and name
};

} // namespace moe::proxy
