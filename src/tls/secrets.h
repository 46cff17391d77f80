#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace moe::tls {

// Finds the secret of this kind that a *_sds_secret_config names: one of static_resources.secrets,
// or what SDS has delivered. It is borrowed for the duration of the compilation; null: it is not
// there yet. Errors become those of the context. A null function: no secret can be named.
using SecretResolver =
    std::function<absl::StatusOr<const envoy::extensions::transport_sockets::tls::v3::Secret*>(
        const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& config,
        envoy::extensions::transport_sockets::tls::v3::Secret::TypeCase kind,
        const config::FieldPath& path)>;

// "tls_certificate": the field of a secret that has its value; "nothing" without one.
std::string_view kindName(envoy::extensions::transport_sockets::tls::v3::Secret::TypeCase kind);

// A message of a context, written there or in a secret. Null: there is none, or not yet.
template <class Message> struct Located {
  const Message* message = nullptr;
  config::FieldPath path;
  bool awaited = false; // its secret is not there yet
};

// tls_certificates, else those of tls_certificate_sds_secret_configs.
absl::StatusOr<std::vector<Located<envoy::extensions::transport_sockets::tls::v3::TlsCertificate>>>
resolveCertificates(const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& proto,
                    const SecretResolver& resolver, const config::FieldPath& path);

// What validation_context, its secret, or both combined say. It is written to `out`, which is left
// empty where there is none. If the secret is awaited, `out` has the other part.
absl::StatusOr<Located<envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext>>
resolveValidation(const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& proto,
                  const SecretResolver& resolver, const config::FieldPath& path,
                  envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& out);

// session_ticket_keys, its secret, or none.
absl::StatusOr<Located<envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys>>
resolveTicketKeys(const envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext& proto,
                  const SecretResolver& resolver, const config::FieldPath& path);

// A secret that a context names.
struct NamedConfig {
  const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig* config;
  config::FieldPath path;
};
// Those that come by SDS (with sds_config): as part of the message, which must live on.
std::vector<NamedConfig>
sdsConfigs(const envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext& proto,
           const config::FieldPath& path);
std::vector<NamedConfig>
sdsConfigs(const envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext& proto,
           const config::FieldPath& path);

} // namespace moe::tls
