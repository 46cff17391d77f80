#include "filter/listener/tls_inspector/config.h"

#include <algorithm>

#include "base/strings.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "filter/listener/tls_inspector/filter.h"

namespace moe::filter::tls_inspector {
namespace {

using config::fieldError;
using Proto = envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;

class Factory final : public proxy::ListenerFilterFactory {
public:
  Factory(const TlsInspectorSettings& settings, const stats::Scope& scope)
      : settings_(settings), stats_(scope) {}
  std::unique_ptr<net::ListenerFilter> createFilter() const override {
    return std::make_unique<TlsInspector>(settings_, stats_);
  }

private:
  const TlsInspectorSettings settings_;
  mutable TlsInspectorStats stats_;
};

} // namespace

absl::StatusOr<proxy::ListenerFilterFactoryPtr>
TlsInspectorConfig::compile(const google::protobuf::Message& message, const config::FieldPath& path,
                            const proxy::FactoryContext& context) {
  const auto& proto = static_cast<const Proto&>(message);
  // A fingerprint is asked for by who trusts in it.
  if (proto.enable_ja3_fingerprinting().value()) {
    return fieldError(path.field("enable_ja3_fingerprinting"), "true",
                      "false: moe computes no fingerprints");
  }
  if (proto.enable_ja4_fingerprinting().value()) {
    return fieldError(path.field("enable_ja4_fingerprinting"), "true",
                      "false: moe computes no fingerprints");
  }
  TlsInspectorSettings settings;
  if (proto.has_max_client_hello_size()) {
    const uint32_t most = proto.max_client_hello_size().value();
    if (most <= 255 || most > 16 * 1024) {
      return fieldError(path.field("max_client_hello_size"), base::cat(most), "256 to 16384");
    }
    settings.maxBytes = most;
  }
  settings.initialBytes = settings.maxBytes;
  if (proto.has_initial_read_buffer_size()) {
    const uint32_t first = proto.initial_read_buffer_size().value();
    if (first <= 255 || first > 65536) {
      return fieldError(path.field("initial_read_buffer_size"), base::cat(first), "256 to 65536");
    }
    settings.initialBytes = std::min<size_t>(first, settings.maxBytes);
  }
  settings.closeOnErrors = proto.close_connection_on_client_hello_parsing_errors();
  return std::make_shared<const Factory>(settings, context.stats.root().child("tls_inspector"));
}

} // namespace moe::filter::tls_inspector
