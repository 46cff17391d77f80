#pragma once

#include "golang/config.h"
#include "proxy/factory.h"

namespace moe::golang {

// Compiles envoy.extensions.filters.http.golang.v3alpha.Config and ConfigsPerRoute, which loads the
// plugin libraries. Main thread.
class GolangFilterConfig final : public proxy::HttpFilterConfig {
public:
  // `plugins` outlives this object.
  explicit GolangFilterConfig(Plugins& plugins) : plugins_(plugins) {}

  absl::StatusOr<http::FilterFactoryPtr> compile(const std::string& name,
                                                 const google::protobuf::Message& config,
                                                 const config::FieldPath& path,
                                                 const proxy::FactoryContext& context) override;
  absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>>
  compileRoute(const std::string& name, const google::protobuf::Message& config,
               const config::FieldPath& path, const proxy::FactoryContext& context) override;

private:
  Plugins& plugins_;
};

} // namespace moe::golang
