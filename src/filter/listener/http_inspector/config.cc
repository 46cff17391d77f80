#include "filter/listener/http_inspector/config.h"

#include "filter/listener/http_inspector/filter.h"

namespace moe::filter::http_inspector {
namespace {

class Factory final : public proxy::ListenerFilterFactory {
public:
  explicit Factory(const stats::Scope& scope) : stats_(scope) {}
  std::unique_ptr<net::ListenerFilter> createFilter() const override {
    return std::make_unique<HttpInspector>(stats_);
  }

private:
  mutable HttpInspectorStats stats_;
};

} // namespace

absl::StatusOr<proxy::ListenerFilterFactoryPtr>
HttpInspectorConfig::compile(const google::protobuf::Message& /*config*/,
                             const config::FieldPath& /*path*/,
                             const proxy::FactoryContext& context) {
  return std::make_shared<const Factory>(context.stats.root().child("http_inspector"));
}

} // namespace moe::filter::http_inspector
