#include "server/runtime_discovery.h"

#include "base/strings.h"

namespace moe::server {

using config::fieldError;
using config::FieldPath;
using envoy::service::runtime::v3::Runtime;

class RuntimeDiscovery::Layer final : public Source::Receiver {
public:
  Layer(RuntimeDiscovery& owner, size_t index, std::string name)
      : owner_(owner), index_(index), name_(std::move(name)), hold_(owner.waits_.hold()) {}

  absl::Status watch(const envoy::config::core::v3::ConfigSource& source, const FieldPath& path,
                     const stats::Scope& scope) {
    auto watch = owner_.source_.watch(source, name_, *this, path, scope);
    if (!watch.ok()) {
      return watch.status();
    }
    watch_ = std::move(*watch);
    return absl::OkStatus();
  }

  absl::Status onResource(const Runtime& runtime) override {
    if (runtime.name() != name_) {
      return fieldError(FieldPath("name"), config::inQuotes(runtime.name()),
                        config::inQuotes(name_));
    }
    owner_.layers_.set(index_, runtimeEntries(runtime.layer(), FieldPath("layer")));
    MOE_LOG(*owner_.logger_, info, "rtds: layer \"{}\" has {} keys", name_,
            owner_.layers_.layers()[index_].entries.size());
    here();
    return absl::OkStatus();
  }

  void onAbsent() override {
    if (!owner_.layers_.layers()[index_].entries.empty()) {
      MOE_LOG(*owner_.logger_, info, "rtds: layer \"{}\" is gone", name_);
      owner_.layers_.set(index_, {});
    }
    here();
  }

private:
  void here() { const auto last = std::exchange(hold_, {}); }

  RuntimeDiscovery& owner_;
  const size_t index_;
  const std::string name_;
  config::Warming::Hold hold_;
  std::unique_ptr<Source::Watch> watch_;
};

RuntimeDiscovery::RuntimeDiscovery(RuntimeLayers& layers, Source& source, base::LoggerPtr logger)
    : layers_(layers), source_(source), logger_(std::move(logger)) {}

RuntimeDiscovery::~RuntimeDiscovery() = default;

absl::Status RuntimeDiscovery::watch(const envoy::config::bootstrap::v3::LayeredRuntime& proto,
                                     const stats::Scope& scope) {
  const FieldPath path = FieldPath("layered_runtime").field("layers");
  for (int i = 0; i < proto.layers_size(); ++i) {
    if (!proto.layers(i).has_rtds_layer()) {
      continue;
    }
    const auto& rtds = proto.layers(i).rtds_layer();
    const auto index = static_cast<size_t>(i);
    const FieldPath at = path.index(index).field("rtds_layer");
    if (rtds.name().empty()) {
      return fieldError(at.field("name"), "\"\"", "a name");
    }
    watched_.push_back(std::make_unique<Layer>(*this, index, rtds.name()));
    if (absl::Status status =
            watched_.back()->watch(rtds.rtds_config(), at.field("rtds_config"), scope);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

} // namespace moe::server
