#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace moe::tls {

// Finds the secret that a *_sds_secret_config names: of static_resources.secrets, or what SDS has
// delivered. The secret is borrowed for the duration of the compilation. Errors, such as that it is
// not there yet, become those of the context. A null function: no secret can be named.
using SecretResolver =
    std::function<absl::StatusOr<const envoy::extensions::transport_sockets::tls::v3::Secret*>(
        const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& config,
        const config::FieldPath& path)>;

// A message of a context, written there or in a secret.
template <class Message> struct Located {
  const Message* message;
  config::FieldPath path;
};

// tls_certificates, else those of tls_certificate_sds_secret_configs.
absl::StatusOr<std::vector<Located<envoy::extensions::transport_sockets::tls::v3::TlsCertificate>>>
resolveCertificates(const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& proto,
                    const SecretResolver& resolver, const config::FieldPath& path);

// What validation_context, its secret, or both combined say; `out` is left empty where there is
// none. Returns the path of the field for errors.
absl::StatusOr<config::FieldPath>
resolveValidation(const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& proto,
                  const SecretResolver& resolver, const config::FieldPath& path,
                  envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& out);

// session_ticket_keys, its secret, or null.
absl::StatusOr<Located<envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys>>
resolveTicketKeys(const envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext& proto,
                  const SecretResolver& resolver, const config::FieldPath& path);

} // namespace moe::tls
