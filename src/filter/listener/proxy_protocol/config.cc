#include "filter/listener/proxy_protocol/config.h"

#include "base/strings.h"
#include "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h"
#include "filter/listener/proxy_protocol/filter.h"

namespace moe::filter::proxy_protocol {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol;
using Version = envoy::config::core::v3::ProxyProtocolConfig;

constexpr const char* kNamespace = "envoy.filters.listener.proxy_protocol";

class Factory final : public proxy::ListenerFilterFactory {
public:
  Factory(ProxyProtocolSettings settings, const stats::Scope& scope)
      : settings_(std::move(settings)), stats_(scope) {}
  std::unique_ptr<net::ListenerFilter> createFilter() const override {
    return std::make_unique<ProxyProtocol>(settings_, stats_);
  }

private:
  const ProxyProtocolSettings settings_;
  mutable ProxyProtocolStats stats_;
};

absl::Status readRules(const Proto& proto, const FieldPath& path, ProxyProtocolSettings& out) {
  for (int i = 0; i < proto.rules_size(); ++i) {
    const auto& rule = proto.rules(i);
    const FieldPath at = path.field("rules").index(static_cast<size_t>(i));
    if (rule.tlv_type() > 255) {
      return fieldError(at.field("tlv_type"), base::cat(rule.tlv_type()), "0 to 255");
    }
    const auto& pair = rule.on_tlv_present();
    if (pair.key().empty()) {
      return fieldError(at.field("on_tlv_present").field("key"), "nothing",
                        "the key of the metadata");
    }
    auto made = std::make_unique<TlvRule>();
    made->nameSpace = pair.metadata_namespace().empty() ? kNamespace : pair.metadata_namespace();
    made->key = pair.key();
    if (pair.value_string_encoding() == Proto::KeyValuePair::BASE64) {
      made->encoding = TlvRule::Encoding::Base64;
    }
    out.rules[rule.tlv_type()] = std::move(made); // the last one counts
  }
  return absl::OkStatus();
}

absl::Status readVersions(const Proto& proto, const FieldPath& path, ProxyProtocolSettings& out) {
  for (int i = 0; i < proto.disallowed_versions_size(); ++i) {
    switch (proto.disallowed_versions(i)) {
    case Version::V1:
      out.versions.v1 = false;
      break;
    case Version::V2:
      out.versions.v2 = false;
      break;
    default:
      return fieldError(path.field("disallowed_versions").index(static_cast<size_t>(i)),
                        base::cat(int{proto.disallowed_versions(i)}), "V1 or V2");
    }
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<proxy::ListenerFilterFactoryPtr>
ProxyProtocolConfig::compile(const google::protobuf::Message& message, const FieldPath& path,
                             const proxy::FactoryContext& context) {
  const auto& proto = static_cast<const Proto&>(message);
  ProxyProtocolSettings settings;
  settings.required = !proto.allow_requests_without_proxy_protocol();
  absl::Status status = readRules(proto, path, settings);
  status.Update(readVersions(proto, path, settings));
  if (!status.ok()) {
    return status;
  }
  if (proto.tlv_location() != Proto::DYNAMIC_METADATA) {
    return fieldError(path.field("tlv_location"), Proto::TlvLocation_Name(proto.tlv_location()),
                      "DYNAMIC_METADATA");
  }
  stats::Scope scope = context.stats.root().child("proxy_proto");
  if (!proto.stat_prefix().empty()) {
    scope = scope.child(proto.stat_prefix());
  }
  return std::make_shared<const Factory>(std::move(settings), scope);
}

} // namespace moe::filter::proxy_protocol
