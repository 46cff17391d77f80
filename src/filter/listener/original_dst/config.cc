#include "filter/listener/original_dst/config.h"

#include "filter/listener/original_dst/filter.h"

namespace moe::filter::original_dst {
namespace {

class Factory final : public proxy::ListenerFilterFactory {
public:
  std::unique_ptr<net::ListenerFilter> createFilter() const override {
    return std::make_unique<OriginalDst>();
  }
};

} // namespace

proxy::ListenerFilterFactoryPtr makeFactory() { return std::make_shared<const Factory>(); }

absl::StatusOr<proxy::ListenerFilterFactoryPtr>
OriginalDstConfig::compile(const google::protobuf::Message& /*config*/,
                           const config::FieldPath& /*path*/,
                           const proxy::FactoryContext& /*context*/) {
  return makeFactory();
}

} // namespace moe::filter::original_dst
