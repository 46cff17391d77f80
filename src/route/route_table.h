#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/random.h"
#include "config/runtime.h"
#include "envoy/config/route/v3/route.pb.h"
#include "route/route.h"

namespace moe::route {

// What compiling routes needs from outside.
struct RouteTableContext {
  // Compiles typed_per_filter_config of one filter: (filter name in the chain, configuration, field
  // path) -> configuration object, or why not. Given by the server from its filter factories.
  std::function<absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>>(
      std::string_view filterName, const google::protobuf::Any& config, std::string_view path)>
      createRouteFilterConfig;
  // Is told which optional filter configuration is left out, and why; may be empty.
  std::function<void(const absl::Status&)> leftOut;
  // Whether a cluster exists; used when validate_clusters says so (static tables: by default).
  std::function<bool(std::string_view cluster)> clusterExists;
  bool validateClustersByDefault = true;
  config::Runtime* runtime = nullptr; // of runtime_fraction; null: keys say nothing
};

// A compiled RouteConfiguration. Immutable, shared by all workers; matching takes no lock and
// allocates nothing.
class RouteTable {
public:
  virtual ~RouteTable() = default;

  // Null: no route. `request` has normalised :path and :authority. `random` chooses weighted
  // clusters and runtime fractions: one value per stream, so that re-matching is stable.
  virtual const Route* match(const http::HeaderMap& request, const http::StreamInfo& info,
                             uint64_t random) const = 0;
  virtual std::string_view name() const = 0;
  virtual const envoy::config::route::v3::RouteConfiguration& proto() const = 0;
};
using RouteTablePtr = std::shared_ptr<const RouteTable>;

// `path` is where the configuration stands, for errors ("...route_config").
absl::StatusOr<RouteTablePtr>
compileRouteTable(const envoy::config::route::v3::RouteConfiguration& config,
                  const RouteTableContext& context, std::string_view path);

} // namespace moe::route
