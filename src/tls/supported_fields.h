#pragma once

#include <string_view>

namespace moe::tls {

#define MOE_TLS "envoy.extensions.transport_sockets.tls.v3."

// The fields that this library acts on; see config/coverage.h. Some only so far as to refuse "true"
// (allow_renegotiation, require_sni, require_signed_certificate_timestamp).
inline constexpr std::string_view kFields[] = {
    MOE_TLS "UpstreamTlsContext.common_tls_context",
    MOE_TLS "UpstreamTlsContext.sni",
    MOE_TLS "UpstreamTlsContext.auto_host_sni",
    MOE_TLS "UpstreamTlsContext.auto_sni_san_validation",
    MOE_TLS "UpstreamTlsContext.allow_renegotiation",
    MOE_TLS "UpstreamTlsContext.max_session_keys",
    MOE_TLS "UpstreamTlsContext.enforce_rsa_key_usage", // deprecated: always enforced
    MOE_TLS "DownstreamTlsContext.common_tls_context",
    MOE_TLS "DownstreamTlsContext.require_client_certificate",
    MOE_TLS "DownstreamTlsContext.require_sni",
    MOE_TLS "DownstreamTlsContext.session_ticket_keys",
    MOE_TLS "DownstreamTlsContext.session_ticket_keys_sds_secret_config",
    MOE_TLS "DownstreamTlsContext.disable_stateless_session_resumption",
    MOE_TLS "DownstreamTlsContext.disable_stateful_session_resumption", // there is none
    MOE_TLS "DownstreamTlsContext.session_timeout",
    MOE_TLS "DownstreamTlsContext.ocsp_staple_policy",
    MOE_TLS "DownstreamTlsContext.full_scan_certs_on_sni_mismatch",
    MOE_TLS "DownstreamTlsContext.prefer_client_ciphers",
    MOE_TLS "CommonTlsContext.tls_params",
    MOE_TLS "CommonTlsContext.tls_certificates",
    MOE_TLS "CommonTlsContext.tls_certificate_sds_secret_configs",
    MOE_TLS "CommonTlsContext.validation_context",
    MOE_TLS "CommonTlsContext.validation_context_sds_secret_config",
    MOE_TLS "CommonTlsContext.combined_validation_context",
    MOE_TLS "CommonTlsContext.alpn_protocols",
    MOE_TLS "CommonTlsContext.key_log",
    MOE_TLS "CommonTlsContext.CombinedCertificateValidationContext.default_validation_context",
    MOE_TLS "CommonTlsContext.CombinedCertificateValidationContext.validation_context_sds_secret_"
            "config",
    MOE_TLS "TlsKeyLog.path",
    MOE_TLS "TlsKeyLog.local_address_range",
    MOE_TLS "TlsKeyLog.remote_address_range",
    MOE_TLS "TlsParameters.tls_minimum_protocol_version",
    MOE_TLS "TlsParameters.tls_maximum_protocol_version",
    MOE_TLS "TlsParameters.cipher_suites",
    MOE_TLS "TlsParameters.ecdh_curves",
    MOE_TLS "TlsParameters.signature_algorithms",
    MOE_TLS "TlsParameters.compliance_policies",
    MOE_TLS "TlsCertificate.certificate_chain",
    MOE_TLS "TlsCertificate.private_key",
    MOE_TLS "TlsCertificate.pkcs12",
    MOE_TLS "TlsCertificate.password",
    MOE_TLS "TlsCertificate.ocsp_staple",
    MOE_TLS "TlsSessionTicketKeys.keys",
    MOE_TLS "CertificateValidationContext.trusted_ca",
    MOE_TLS "CertificateValidationContext.verify_certificate_spki",
    MOE_TLS "CertificateValidationContext.verify_certificate_hash",
    MOE_TLS "CertificateValidationContext.match_typed_subject_alt_names",
    MOE_TLS "CertificateValidationContext.match_subject_alt_names",
    MOE_TLS "CertificateValidationContext.require_signed_certificate_timestamp",
    MOE_TLS "CertificateValidationContext.crl",
    MOE_TLS "CertificateValidationContext.allow_expired_certificate",
    MOE_TLS "CertificateValidationContext.trust_chain_verification",
    MOE_TLS "CertificateValidationContext.custom_validator_config",
    MOE_TLS "CertificateValidationContext.only_verify_leaf_cert_crl",
    MOE_TLS "CertificateValidationContext.max_verify_depth",
    MOE_TLS "CertificateValidationContext.suppress_client_ca_list",
    MOE_TLS "SubjectAltNameMatcher.san_type",
    MOE_TLS "SubjectAltNameMatcher.matcher",
    MOE_TLS "SubjectAltNameMatcher.oid",
    MOE_TLS "SPIFFECertValidatorConfig.trust_domains",
    MOE_TLS "SPIFFECertValidatorConfig.TrustDomain.name",
    MOE_TLS "SPIFFECertValidatorConfig.TrustDomain.trust_bundle",
    MOE_TLS "SdsSecretConfig.name",
    MOE_TLS "SdsSecretConfig.sds_config", // what is in it is for the source
    MOE_TLS "Secret.name",
    MOE_TLS "Secret.tls_certificate",
    MOE_TLS "Secret.session_ticket_keys",
    MOE_TLS "Secret.validation_context",
    "envoy.config.core.v3.DataSource.filename",
    "envoy.config.core.v3.DataSource.inline_bytes",
    "envoy.config.core.v3.DataSource.inline_string",
    "envoy.config.core.v3.DataSource.environment_variable",
    "envoy.config.core.v3.TypedExtensionConfig.name",
    "envoy.config.core.v3.TypedExtensionConfig.typed_config",
    "envoy.config.core.v3.CidrRange.address_prefix",
    "envoy.config.core.v3.CidrRange.prefix_len",
    "envoy.type.matcher.v3.StringMatcher.exact",
    "envoy.type.matcher.v3.StringMatcher.prefix",
    "envoy.type.matcher.v3.StringMatcher.suffix",
    "envoy.type.matcher.v3.StringMatcher.contains",
    "envoy.type.matcher.v3.StringMatcher.safe_regex",
    "envoy.type.matcher.v3.StringMatcher.ignore_case",
    "envoy.type.matcher.v3.RegexMatcher.regex",
};

#undef MOE_TLS

} // namespace moe::tls
