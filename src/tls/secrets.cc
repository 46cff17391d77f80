#include "tls/secrets.h"

#include "base/strings.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;

// The secret that `config` names, which has to be of this kind; null: not there yet.
absl::StatusOr<const v3::Secret*> resolve(const v3::SdsSecretConfig& config,
                                          v3::Secret::TypeCase kind, const SecretResolver& resolver,
                                          const FieldPath& path) {
  if (resolver == nullptr) {
    return fieldError(
        path,
        base::cat("the secret ", inQuotes(config.name()), ", and nothing that delivers secrets"),
        "the value itself");
  }
  auto secret = resolver(config, kind, path);
  if (secret.ok() && *secret != nullptr && (*secret)->type_case() != kind) {
    return fieldError(path,
                      base::cat("the secret ", inQuotes(config.name()), " with ",
                                kindName((*secret)->type_case())),
                      base::cat("one with ", kindName(kind)));
  }
  return secret;
}

absl::Status refuseProviders(const v3::CommonTlsContext& proto, const FieldPath& path) {
  const std::pair<bool, std::string_view> fields[] = {
      {proto.has_tls_certificate_provider_instance(), "tls_certificate_provider_instance"},
      {proto.has_tls_certificate_certificate_provider(), "tls_certificate_certificate_provider"},
      {proto.has_tls_certificate_certificate_provider_instance(),
       "tls_certificate_certificate_provider_instance"},
      {proto.has_validation_context_certificate_provider(),
       "validation_context_certificate_provider"},
      {proto.has_validation_context_certificate_provider_instance(),
       "validation_context_certificate_provider_instance"},
      {proto.has_custom_tls_certificate_selector(), "custom_tls_certificate_selector"},
      {proto.has_custom_handshaker(), "custom_handshaker"},
  };
  for (const auto& [set, name] : fields) {
    if (set) {
      return fieldError(path.field(name), "an extension, which is not supported", "none");
    }
  }
  return absl::OkStatus();
}

// `...sds_secret_config["default"].tls_certificate`: where a field of a secret is.
FieldPath inSecret(const FieldPath& path, const v3::Secret& secret) {
  return path.key(secret.name()).field(kindName(secret.type_case()));
}

void addSds(const v3::SdsSecretConfig& config, const FieldPath& path,
            std::vector<NamedConfig>& out) {
  if (config.has_sds_config()) {
    out.push_back({&config, path});
  }
}

void addSds(const v3::CommonTlsContext& proto, const FieldPath& path,
            std::vector<NamedConfig>& out) {
  for (int i = 0; i < proto.tls_certificate_sds_secret_configs_size(); ++i) {
    addSds(proto.tls_certificate_sds_secret_configs(i),
           path.field("tls_certificate_sds_secret_configs").index(static_cast<size_t>(i)), out);
  }
  if (proto.has_validation_context_sds_secret_config()) {
    addSds(proto.validation_context_sds_secret_config(),
           path.field("validation_context_sds_secret_config"), out);
  }
  if (proto.has_combined_validation_context()) {
    addSds(proto.combined_validation_context().validation_context_sds_secret_config(),
           path.field("combined_validation_context").field("validation_context_sds_secret_config"),
           out);
  }
}

} // namespace

std::string_view kindName(v3::Secret::TypeCase kind) {
  switch (kind) {
  case v3::Secret::kTlsCertificate:
    return "tls_certificate";
  case v3::Secret::kSessionTicketKeys:
    return "session_ticket_keys";
  case v3::Secret::kValidationContext:
    return "validation_context";
  case v3::Secret::kGenericSecret:
    return "generic_secret";
  default:
    return "nothing";
  }
}

std::vector<NamedConfig> sdsConfigs(const v3::DownstreamTlsContext& proto, const FieldPath& path) {
  std::vector<NamedConfig> out;
  addSds(proto.common_tls_context(), path.field("common_tls_context"), out);
  if (proto.has_session_ticket_keys_sds_secret_config()) {
    addSds(proto.session_ticket_keys_sds_secret_config(),
           path.field("session_ticket_keys_sds_secret_config"), out);
  }
  return out;
}

std::vector<NamedConfig> sdsConfigs(const v3::UpstreamTlsContext& proto, const FieldPath& path) {
  std::vector<NamedConfig> out;
  addSds(proto.common_tls_context(), path.field("common_tls_context"), out);
  return out;
}

absl::StatusOr<std::vector<Located<v3::TlsCertificate>>>
resolveCertificates(const v3::CommonTlsContext& proto, const SecretResolver& resolver,
                    const FieldPath& path) {
  if (absl::Status status = refuseProviders(proto, path); !status.ok()) {
    return status;
  }
  std::vector<Located<v3::TlsCertificate>> out;
  if (!proto.tls_certificates().empty() && !proto.tls_certificate_sds_secret_configs().empty()) {
    return fieldError(path.field("tls_certificate_sds_secret_configs"),
                      "secrets beside tls_certificates", "one or the other");
  }
  out.reserve(static_cast<size_t>(proto.tls_certificates_size()) +
              static_cast<size_t>(proto.tls_certificate_sds_secret_configs_size()));
  for (int i = 0; i < proto.tls_certificates_size(); ++i) {
    out.push_back(
        {&proto.tls_certificates(i), path.field("tls_certificates").index(static_cast<size_t>(i))});
  }
  for (int i = 0; i < proto.tls_certificate_sds_secret_configs_size(); ++i) {
    const FieldPath at =
        path.field("tls_certificate_sds_secret_configs").index(static_cast<size_t>(i));
    const auto secret = resolve(proto.tls_certificate_sds_secret_configs(i),
                                v3::Secret::kTlsCertificate, resolver, at);
    if (!secret.ok()) {
      return secret.status();
    }
    if (*secret == nullptr) {
      out.push_back({nullptr, at, /*awaited=*/true});
    } else {
      out.push_back({&(*secret)->tls_certificate(), inSecret(at, **secret)});
    }
  }
  return out;
}

absl::StatusOr<Located<v3::CertificateValidationContext>>
resolveValidation(const v3::CommonTlsContext& proto, const SecretResolver& resolver,
                  const FieldPath& path, v3::CertificateValidationContext& out) {
  using Result = Located<v3::CertificateValidationContext>;
  constexpr auto kind = v3::Secret::kValidationContext;
  switch (proto.validation_context_type_case()) {
  case v3::CommonTlsContext::kValidationContext:
    out = proto.validation_context();
    return Result{&out, path.field("validation_context")};
  case v3::CommonTlsContext::kValidationContextSdsSecretConfig: {
    const FieldPath at = path.field("validation_context_sds_secret_config");
    const auto secret = resolve(proto.validation_context_sds_secret_config(), kind, resolver, at);
    if (!secret.ok()) {
      return secret.status();
    }
    if (*secret == nullptr) {
      return Result{&out, at, /*awaited=*/true};
    }
    out = (*secret)->validation_context();
    return Result{&out, inSecret(at, **secret)};
  }
  case v3::CommonTlsContext::kCombinedValidationContext: {
    const auto& combined = proto.combined_validation_context();
    const FieldPath at = path.field("combined_validation_context");
    if (combined.has_validation_context_certificate_provider() ||
        combined.has_validation_context_certificate_provider_instance()) {
      return fieldError(at, "a certificate provider, which is not supported",
                        "validation_context_sds_secret_config");
    }
    const auto secret = resolve(combined.validation_context_sds_secret_config(), kind, resolver,
                                at.field("validation_context_sds_secret_config"));
    if (!secret.ok()) {
      return secret.status();
    }
    out = combined.default_validation_context();
    if (*secret == nullptr) {
      return Result{&out, at, /*awaited=*/true};
    }
    out.MergeFrom((*secret)->validation_context());
    return Result{&out, at};
  }
  default:
    return Result{&out, path.field("validation_context")};
  }
}

absl::StatusOr<Located<v3::TlsSessionTicketKeys>>
resolveTicketKeys(const v3::DownstreamTlsContext& proto, const SecretResolver& resolver,
                  const FieldPath& path) {
  using Result = Located<v3::TlsSessionTicketKeys>;
  if (proto.has_session_ticket_keys()) {
    return Result{&proto.session_ticket_keys(), path.field("session_ticket_keys")};
  }
  if (!proto.has_session_ticket_keys_sds_secret_config()) {
    return Result{nullptr, path};
  }
  const FieldPath at = path.field("session_ticket_keys_sds_secret_config");
  const auto secret = resolve(proto.session_ticket_keys_sds_secret_config(),
                              v3::Secret::kSessionTicketKeys, resolver, at);
  if (!secret.ok()) {
    return secret.status();
  }
  if (*secret == nullptr) {
    return Result{nullptr, at, /*awaited=*/true};
  }
  return Result{&(*secret)->session_ticket_keys(), inSecret(at, **secret)};
}

} // namespace moe::tls
