#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "config/runtime.h"
#include "config/typed_config.h"
#include "http/filter.h"
#include "net/connection.h"
#include "proxy/ecds.h"
#include "proxy/log_writer.h"
#include "proxy/rds.h"
#include "proxy/worker_context.h"
#include "stats/stats.h"
#include "tls/transport.h"

namespace moe::proxy {

// A configured network filter of a filter chain; immutable, shared by all workers.
class NetworkFilterFactory {
public:
  virtual ~NetworkFilterFactory() = default;
  // On the worker; the filter is given to one connection.
  virtual std::unique_ptr<net::ReadFilter> createFilter(WorkerContext& context) const = 0;
  virtual bool terminal() const = 0;
};
using NetworkFilterFactoryPtr = std::shared_ptr<const NetworkFilterFactory>;

struct FactoryContext;

// Compiles the configuration of one kind of HTTP filter. Main thread.
class HttpFilterConfig {
public:
  virtual ~HttpFilterConfig() = default;
  // `name` is the filter's name in the chain. Errors carry the field path.
  virtual absl::StatusOr<http::FilterFactoryPtr> compile(const std::string& name,
                                                         const google::protobuf::Message& config,
                                                         const config::FieldPath& path,
                                                         const FactoryContext& context) = 0;
  // typed_per_filter_config; its message type may differ from compile()'s.
  virtual absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>>
  compileRoute(const std::string& name, const google::protobuf::Message& config,
               const config::FieldPath& path, const FactoryContext& context) = 0;
  // The router must come last, and nothing else may.
  virtual bool terminal() const { return false; }
};

class NetworkFilterConfig {
public:
  virtual ~NetworkFilterConfig() = default;
  virtual absl::StatusOr<NetworkFilterFactoryPtr> compile(const google::protobuf::Message& config,
                                                          const config::FieldPath& path,
                                                          const FactoryContext& context) = 0;
};

using HttpFilterConfigs = config::FactoryMap<HttpFilterConfig>;
using NetworkFilterConfigs = config::FactoryMap<NetworkFilterConfig>;

// Where configuration is compiled to; what it refers to outlives what it makes.
struct FactoryContext {
  stats::Store& stats;
  base::LoggerPtr logger;
  LogWriter& logs; // for access logs
  upstream::ClusterManager& clusters;
  const HttpFilterConfigs& httpFilters;
  // By the message type of typed_per_filter_config.
  const HttpFilterConfigs& routeFilters;
  uint32_t concurrency = 1;
  bool dynamic = false;                  // what is compiled came by xDS: clusters may come later
  std::string filterChainName = {};      // of what is compiled
  config::Runtime* runtime = nullptr;    // null: no key has a value
  RouteTables* routeTables = nullptr;    // those that come by RDS; null: refused
  NamedFilters* namedFilters = nullptr;  // those that come by ECDS; null: refused
  config::Warming* warming = nullptr;    // of what is compiled, while it is; null: nothing waits
  tls::TransportCompiler* tls = nullptr; // null: TLS is an error
};

} // namespace moe::proxy
