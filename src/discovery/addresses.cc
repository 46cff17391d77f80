#include "discovery/addresses.h"

#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "tls/data_source.h"

namespace moe::discovery {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using Cluster = envoy::config::cluster::v3::Cluster;
using Connection = xds::ClusterConnection;

// A set field that is not among the names.
absl::Status only(const google::protobuf::Message& message, const FieldPath& path,
                  std::initializer_list<std::string_view> names) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (std::find(names.begin(), names.end(), field->name()) == names.end()) {
      return fieldError(path.field(field->name()), "a setting that a gRPC channel does not have",
                        "none in the cluster of a control plane");
    }
  }
  return absl::OkStatus();
}

absl::Status readPeer(const v3::CertificateValidationContext& proto, const FieldPath& path,
                      Connection::Tls& out) {
  absl::Status status = only(proto, path, {"trusted_ca", "match_typed_subject_alt_names"});
  if (!status.ok() || !proto.has_trusted_ca()) {
    return status;
  }
  auto roots = tls::readSource(proto.trusted_ca(), path.field("trusted_ca"));
  if (!roots.ok()) {
    return roots.status();
  }
  out.roots = std::move(*roots);
  for (int i = 0; i < proto.match_typed_subject_alt_names_size(); ++i) {
    const auto& matcher = proto.match_typed_subject_alt_names(i);
    const FieldPath at =
        path.field("match_typed_subject_alt_names").index(static_cast<size_t>(i)).field("matcher");
    status = only(matcher.matcher(), at, {"exact"});
    if (!status.ok()) {
      return status;
    }
    out.subjectAltNames.push_back(matcher.matcher().exact());
  }
  return absl::OkStatus();
}

absl::StatusOr<Connection::Tls> readTls(const envoy::config::core::v3::TransportSocket& proto,
                                        const FieldPath& path) {
  auto context = config::unpackTo<v3::UpstreamTlsContext>(proto.typed_config(), path);
  if (!context.ok()) {
    return context.status();
  }
  const auto& common = context->common_tls_context();
  const FieldPath at = path.field("common_tls_context");
  absl::Status status = only(*context, path, {"common_tls_context", "sni"});
  // gRPC offers "h2" by itself.
  status.Update(only(common, at, {"tls_certificates", "validation_context", "alpn_protocols"}));
  Connection::Tls out;
  out.serverName = context->sni();
  status.Update(readPeer(common.validation_context(), at.field("validation_context"), out));
  if (!status.ok()) {
    return status;
  }
  const FieldPath first = at.field("tls_certificates").index(0);
  if (common.tls_certificates_size() > 1) {
    return fieldError(at.field("tls_certificates"),
                      base::cat(common.tls_certificates_size(), " certificates"), "one");
  }
  if (common.tls_certificates_size() == 1) {
    const auto& certificate = common.tls_certificates(0);
    status = only(certificate, first, {"certificate_chain", "private_key"});
    auto chain = tls::readSource(certificate.certificate_chain(), first.field("certificate_chain"));
    auto key = tls::readSource(certificate.private_key(), first.field("private_key"));
    status.Update(chain.status());
    status.Update(key.status());
    if (!status.ok()) {
      return status;
    }
    out.certificateChain = std::move(*chain);
    out.privateKey = std::move(*key);
  }
  return out;
}

} // namespace

absl::StatusOr<Connection> Addresses::connection(std::string_view cluster) const {
  const upstream::ClusterManager* manager = manager_();
  Connection out;
  absl::Status status;
  const auto look = [&](const upstream::ClusterInfo& info, const upstream::HostSet& hosts) {
    const Cluster& proto = info.proto();
    for (const auto& priority : hosts.priorities) {
      for (const upstream::HostPtr& host : priority.hosts) {
        out.addresses.push_back(host->address());
      }
    }
    out.connectTimeout = info.settings().connectTimeout;
    if (info.settings().http2.keepaliveInterval.count() > 0) {
      out.keepaliveInterval = info.settings().http2.keepaliveInterval;
      out.keepaliveTimeout = info.settings().http2.keepaliveTimeout;
    }
    const FieldPath path(base::cat("cluster \"", proto.name(), "\""));
    if (proto.transport_socket_matches_size() > 0) {
      status = fieldError(path.field("transport_socket_matches"), "matches",
                          "transport_socket alone in the cluster of a control plane");
    } else if (info.settings().transports != nullptr) {
      auto tls = readTls(proto.transport_socket(), path.field("transport_socket"));
      status = tls.status();
      if (tls.ok()) {
        out.tls = std::move(*tls);
      }
    }
  };
  if (manager == nullptr || !manager->visit(cluster, look)) {
    return absl::NotFoundError(base::cat("there is no cluster \"", cluster, "\""));
  }
  if (status.ok() && out.addresses.empty()) {
    status = absl::UnavailableError(base::cat("cluster \"", cluster, "\" has no endpoints (yet)"));
  }
  return status.ok() ? absl::StatusOr<Connection>(std::move(out)) : status;
}

} // namespace moe::discovery
