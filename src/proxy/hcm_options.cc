#include "proxy/hcm_options.h"

#include "config/duration.h"
#include "http/codec/http1_options.h"

namespace moe::proxy {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = HttpConnectionManagerProto;
using CommonOptions = envoy::config::core::v3::HttpProtocolOptions;

void readPathRules(const Proto& proto, PathRules& out) {
  out.normalize = proto.normalize_path().value();
  out.mergeSlashes = proto.merge_slashes();
  switch (proto.path_with_escaped_slashes_action()) {
  case Proto::REJECT_REQUEST:
    out.escapedSlashes = PathRules::EscapedSlashes::Reject;
    break;
  case Proto::UNESCAPE_AND_REDIRECT:
    out.escapedSlashes = PathRules::EscapedSlashes::Redirect;
    break;
  case Proto::UNESCAPE_AND_FORWARD:
    out.escapedSlashes = PathRules::EscapedSlashes::Forward;
    break;
  default:
    break;
  }
}

absl::Status readHostRules(const Proto& proto, const FieldPath& path, HostRules& out) {
  if (proto.strip_matching_host_port() && proto.strip_any_host_port()) {
    return fieldError(path, "strip_matching_host_port and strip_any_host_port", "one of them");
  }
  out.stripTrailingDot = proto.strip_trailing_host_dot();
  if (proto.strip_any_host_port()) {
    out.stripPort = HostRules::StripPort::Any;
  } else if (proto.strip_matching_host_port()) {
    out.stripPort = HostRules::StripPort::Matching;
  }
  return absl::OkStatus();
}

absl::Status readDurations(const Proto& proto, const FieldPath& path, HcmConfig& out) {
  const CommonOptions& common = proto.common_http_protocol_options();
  const FieldPath at = path.field("common_http_protocol_options");
  const base::Milliseconds none{0};
  auto stream = config::toMillisOr(common.has_max_stream_duration(), common.max_stream_duration(),
                                   none, at.field("max_stream_duration"));
  if (!stream.ok()) {
    return stream.status();
  }
  out.maxStreamDuration = *stream;
  auto connection =
      config::toMillisOr(common.has_max_connection_duration(), common.max_connection_duration(),
                         none, at.field("max_connection_duration"));
  if (!connection.ok()) {
    return connection.status();
  }
  out.maxConnectionDuration = *connection;
  auto jitter = config::toFraction(common.max_connection_duration_jitter(),
                                   at.field("max_connection_duration_jitter"));
  if (!jitter.ok()) {
    return jitter.status();
  }
  out.maxConnectionDurationJitter = *jitter;
  auto drain = config::toFraction(proto.drain_timeout_jitter(), path.field("drain_timeout_jitter"));
  if (!drain.ok()) {
    return drain.status();
  }
  out.drainTimeoutJitter = *drain;
  out.http1SafeMaxConnectionDuration = proto.http1_safe_max_connection_duration();
  return absl::OkStatus();
}

} // namespace

absl::Status readHttp1(const Proto& proto, const FieldPath& path, HcmConfig& out) {
  const auto& http1 = proto.http_protocol_options();
  if (http1.has_allow_absolute_url()) {
    out.http1.allowAbsoluteUrl = http1.allow_absolute_url().value();
  }
  out.http1.acceptHttp10 = http1.accept_http_10();
  out.http1.defaultHostForHttp10 = http1.default_host_for_http_10();
  out.http1.enableTrailers = http1.enable_trailers();
  if (proto.has_max_request_headers_kb()) {
    out.http1.maxHeadersBytes = proto.max_request_headers_kb().value() * 1024;
  }
  if (proto.common_http_protocol_options().has_max_headers_count()) {
    out.http1.maxHeadersCount = proto.common_http_protocol_options().max_headers_count().value();
  }
  auto names = http::readNameCase(http1, path.field("http_protocol_options"));
  if (!names.ok()) {
    return names.status();
  }
  out.http1.nameCase = *names;
  return absl::OkStatus();
}

void readClientCertificateRules(const Proto& proto, ClientCertificateRules& out) {
  using Forward = ClientCertificateRules::Forward;
  switch (proto.forward_client_cert_details()) {
  case Proto::FORWARD_ONLY:
    out.forward = Forward::ForwardOnly;
    break;
  case Proto::APPEND_FORWARD:
    out.forward = Forward::AppendForward;
    break;
  case Proto::SANITIZE_SET:
    out.forward = Forward::SanitizeSet;
    break;
  case Proto::ALWAYS_FORWARD_ONLY:
    out.forward = Forward::AlwaysForwardOnly;
    break;
  default:
    break;
  }
  const auto& details = proto.set_current_client_cert_details();
  out.subject = details.subject().value();
  out.cert = details.cert();
  out.chain = details.chain();
  out.dns = details.dns();
  out.uri = details.uri();
}

absl::Status readRules(const Proto& proto, const FieldPath& path, const FactoryContext& context,
                       HcmConfig& out) {
  readPathRules(proto, out.paths);
  if (absl::Status status = readHostRules(proto, path, out.hosts); !status.ok()) {
    return status;
  }
  const auto action = proto.common_http_protocol_options().headers_with_underscores_action();
  if (action != CommonOptions::ALLOW) {
    out.underscores = std::make_shared<const Underscores>(
        context.stats.root(), action == CommonOptions::DROP_HEADER ? Underscores::Action::Drop
                                                                   : Underscores::Action::Reject);
  }
  readClientCertificateRules(proto, out.clientCertificate);
  out.appendForwardedPort = proto.append_x_forwarded_port();
  out.schemeToSet = proto.scheme_header_transformation().scheme_to_overwrite();
  if (proto.has_local_reply_config()) {
    auto replies = LocalReplyConfig::compile(proto.local_reply_config(),
                                             path.field("local_reply_config"), context.runtime);
    if (!replies.ok()) {
      return replies.status();
    }
    out.localReplies = std::move(*replies);
  }
  return readDurations(proto, path, out);
}

} // namespace moe::proxy
