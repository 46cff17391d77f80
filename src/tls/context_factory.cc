#include "tls/context_factory.h"

#include "base/strings.h"
#include "config/deterministic.h"
#include "config/duration.h"
#include "event/slot.h"
#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;

absl::StatusOr<std::vector<uint8_t>>
readAlpn(const google::protobuf::RepeatedPtrField<std::string>& protocols, const FieldPath& path) {
  for (int i = 0; i < protocols.size(); ++i) {
    if (protocols[i].empty() || protocols[i].size() > 255) {
      return fieldError(path.index(static_cast<size_t>(i)), inQuotes(protocols[i]),
                        "a protocol of 1 to 255 bytes");
    }
  }
  auto wire = encodeAlpn(std::vector<std::string>(protocols.begin(), protocols.end()));
  if (wire->size() > 65535) {
    return fieldError(path, base::cat(wire->size(), " bytes"), "at most 65535");
  }
  return std::move(*wire);
}

bool namesNoFiles(const v3::TlsCertificate& proto) {
  using Source = envoy::config::core::v3::DataSource;
  for (const Source* source : {&proto.certificate_chain(), &proto.private_key(), &proto.pkcs12(),
                               &proto.password(), &proto.ocsp_staple()}) {
    if (source->has_filename() || source->has_environment_variable()) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<StaplePolicy> readPolicy(const v3::DownstreamTlsContext& proto,
                                        std::span<const CertificatePtr> certificates,
                                        const FieldPath& path) {
  const bool must = proto.ocsp_staple_policy() == v3::DownstreamTlsContext::MUST_STAPLE;
  for (size_t i = 0; i < certificates.size(); ++i) {
    if (!certificates[i]->ocsp && (must || certificates[i]->mustStaple)) {
      return fieldError(path.field("ocsp_staple_policy"),
                        base::cat("certificate ", i, " (", describe(*certificates[i]->leaf),
                                  ") without ocsp_staple"),
                        must ? "a response for each, for MUST_STAPLE"
                             : "a response, which the certificate promises");
    }
  }
  return must ? StaplePolicy::Must
         : proto.ocsp_staple_policy() == v3::DownstreamTlsContext::STRICT_STAPLING
             ? StaplePolicy::Strict
             : StaplePolicy::Lenient;
}

// Sessions may go on with another certificate of the same names and issuers, as after a rotation.
Digest sessionContextOf(const Digest& peer, std::span<const CertificatePtr> certificates,
                        std::span<const std::string> serverNames) {
  std::string all(view(peer));
  const auto add = [&](std::string_view text) { all += base::cat(text.size(), ":", text); };
  for (const CertificatePtr& certificate : certificates) {
    add(subjectOf(*certificate->leaf));
    add(issuerOf(*certificate->leaf));
    if (const GeneralNamesPtr names = alternativeNames(*certificate->leaf)) {
      for (const GENERAL_NAME* name : names.get()) {
        add(nameText(*name));
      }
    }
  }
  all += "|";
  for (const std::string& name : serverNames) {
    add(name);
  }
  return digestOf(all);
}

} // namespace

ContextFactory::ContextFactory(event::Loop* endOn)
    : endOn_(endOn), stateIndex_(newStateIndex()), randomKeys_(makeRandomTicketKeys()),
      peers_(endOn) {}

absl::StatusOr<CertificatePtr> ContextFactory::certificate(const v3::TlsCertificate& proto,
                                                           const FieldPath& path) {
  const auto load = [&] { return loadCertificate(proto, path); };
  return namesNoFiles(proto)
             ? shareOr<Certificate>(certificates_, digestOf(config::deterministic(proto)), load)
             : load();
}

CredentialsPtr ContextFactory::credentials(const CredentialSettings& settings) {
  const Digest digest = settings.digest();
  auto shared = shareOr<Credentials>(credentials_, digest, [&]() -> absl::StatusOr<CredentialsPtr> {
    auto made = std::make_shared<const Credentials>(settings, stateIndex_);
    return endOn_ != nullptr ? event::endingOn<Credentials>(*endOn_, made) : made;
  });
  return *shared; // never an error
}

absl::StatusOr<std::shared_ptr<const void>> ContextFactory::checkSecret(const v3::Secret& secret,
                                                                        const FieldPath& path) {
  const FieldPath at = path.field(kindName(secret.type_case()));
  const auto kept = [](auto made) -> absl::StatusOr<std::shared_ptr<const void>> {
    if (!made.ok()) {
      return made.status();
    }
    return std::make_shared<const decltype(made)>(std::move(made));
  };
  switch (secret.type_case()) {
  case v3::Secret::kTlsCertificate:
    return kept(certificate(secret.tls_certificate(), at));
  case v3::Secret::kValidationContext:
    return kept(peers_.checkPart(secret.validation_context(), at));
  case v3::Secret::kSessionTicketKeys:
    return kept(readTicketKeys(secret.session_ticket_keys(), at));
  default:
    return fieldError(path, kindName(secret.type_case()),
                      "tls_certificate, validation_context or session_ticket_keys");
  }
}

absl::StatusOr<ContextFactory::Common> ContextFactory::readCommon(const v3::CommonTlsContext& proto,
                                                                  Role role, bool nameIsServerName,
                                                                  const SecretResolver& resolver,
                                                                  const FieldPath& path) {
  Common out;
  auto parameters = readParameters(proto.tls_params(), role, path.field("tls_params"));
  if (!parameters.ok()) {
    return parameters.status();
  }
  out.parameters = std::move(*parameters);
  auto alpn = readAlpn(proto.alpn_protocols(), path.field("alpn_protocols"));
  if (!alpn.ok()) {
    return alpn.status();
  }
  out.alpn = std::move(*alpn);
  const auto certificates = resolveCertificates(proto, resolver, path);
  if (!certificates.ok()) {
    return certificates.status();
  }
  for (const auto& located : *certificates) {
    if (located.awaited) {
      out.certificatesAwaited = true;
      continue;
    }
    auto loaded = certificate(*located.message, located.path);
    if (!loaded.ok()) {
      return loaded.status();
    }
    out.certificates.push_back(std::move(*loaded));
  }
  v3::CertificateValidationContext validation;
  const auto located = resolveValidation(proto, resolver, path, validation);
  if (!located.ok()) {
    return located.status();
  }
  out.peerAwaited = located->awaited;
  if (located->awaited) {
    if (const auto part = peers_.checkPart(validation, located->path); !part.ok()) {
      return part.status();
    }
  } else {
    auto peer = peers_.compile(validation, role, nameIsServerName, located->path);
    if (!peer.ok()) {
      return peer.status();
    }
    out.peer = std::move(*peer);
  }
  if (proto.has_key_log() && !proto.key_log().path().empty()) {
    auto log = KeyLog::open(proto.key_log(), path.field("key_log"));
    if (!log.ok()) {
      return log.status();
    }
    out.keyLog = std::move(*log);
  }
  return out;
}

absl::StatusOr<ServerContextPtr> ContextFactory::server(const v3::DownstreamTlsContext& proto,
                                                        std::span<const std::string> serverNames,
                                                        const SecretResolver& resolver,
                                                        const FieldPath& path) {
  const FieldPath commonPath = path.field("common_tls_context");
  auto common = readCommon(proto.common_tls_context(), Role::Server, false, resolver, commonPath);
  if (!common.ok()) {
    return common.status();
  }
  if (common->certificates.empty() && !common->certificatesAwaited) {
    return fieldError(commonPath.field("tls_certificates"), "none", "at least one certificate");
  }
  if (proto.require_sni().value()) {
    return fieldError(path.field("require_sni"), "true, which is not supported", "false");
  }
  ServerContext::Parts parts;
  parts.requireClientCertificate = proto.require_client_certificate().value();
  if (parts.requireClientCertificate && !common->peerAwaited &&
      common->peer.verifier->ask(/*required=*/false) == Verifier::Ask::No) {
    return fieldError(path.field("require_client_certificate"),
                      "true, and nothing to check the certificates against",
                      "trusted_ca or another check in validation_context");
  }
  CredentialSettings settings;
  auto policy = readPolicy(proto, common->certificates, path);
  if (!policy.ok()) {
    return policy.status();
  }
  settings.staplePolicy = *policy;
  if (proto.has_session_timeout()) {
    const auto timeout = config::toMillis(proto.session_timeout(), path.field("session_timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    settings.sessionSeconds = static_cast<uint32_t>(timeout->count() / 1000);
  }
  settings.tickets = !proto.disable_stateless_session_resumption();
  bool keysAwaited = false;
  if (settings.tickets) {
    const auto keys = resolveTicketKeys(proto, resolver, path);
    if (!keys.ok()) {
      return keys.status();
    }
    auto compiled = keys->message != nullptr ? readTicketKeys(*keys->message, keys->path)
                                             : absl::StatusOr<TicketKeysPtr>(randomKeys_);
    if (!compiled.ok()) {
      return compiled.status();
    }
    parts.ticketKeys = std::move(*compiled);
    keysAwaited = keys->awaited;
  }
  if (common->certificatesAwaited || common->peerAwaited || keysAwaited) {
    return ServerContextPtr();
  }
  parts.sessionContext = sessionContextOf(common->peer.digest, common->certificates, serverNames);
  parts.verifier = common->peer.verifier;
  parts.keyLog = common->keyLog;
  settings.role = Role::Server;
  settings.parameters = std::move(common->parameters);
  settings.certificates = std::move(common->certificates);
  settings.alpn = std::move(common->alpn);
  settings.keyLog = common->keyLog != nullptr;
  settings.fullScan = proto.full_scan_certs_on_sni_mismatch().value();
  settings.preferClientCiphers = proto.prefer_client_ciphers();
  if (!common->peer.suppressCaNames) {
    settings.advertised = common->peer.verifier->trust().all();
  }
  parts.credentials = credentials(settings);
  return std::make_shared<const ServerContext>(std::move(parts));
}

absl::StatusOr<ClientContextPtr> ContextFactory::client(const v3::UpstreamTlsContext& proto,
                                                        const SecretResolver& resolver,
                                                        const FieldPath& path) {
  const FieldPath commonPath = path.field("common_tls_context");
  auto common = readCommon(proto.common_tls_context(), Role::Client,
                           proto.auto_sni_san_validation(), resolver, commonPath);
  if (!common.ok()) {
    return common.status();
  }
  const auto& named = proto.common_tls_context().tls_certificate_sds_secret_configs();
  if (common->certificates.size() > 1 || named.size() > 1) {
    const size_t count = std::max(common->certificates.size(), static_cast<size_t>(named.size()));
    return fieldError(
        commonPath.field(named.empty() ? "tls_certificates" : "tls_certificate_sds_secret_configs"),
        base::cat(count, " certificates"), "at most one for a client");
  }
  if (proto.allow_renegotiation()) {
    return fieldError(path.field("allow_renegotiation"), "true, which is not supported", "false");
  }
  if (proto.auto_sni_san_validation() && !common->peerAwaited &&
      common->peer.verifier->trust().trust == nullptr) {
    return fieldError(path.field("auto_sni_san_validation"), "true without trusted_ca",
                      "trusted_ca in validation_context");
  }
  if (proto.sni().find('\0') != std::string::npos || proto.sni().size() > 255) {
    return fieldError(path.field("sni"), inQuotes(proto.sni()),
                      "a name of at most 255 bytes without NUL");
  }
  if (common->certificatesAwaited || common->peerAwaited) {
    return ClientContextPtr();
  }
  ClientContext::Parts parts;
  parts.serverName = proto.sni();
  parts.autoHostSni = proto.auto_host_sni();
  if (proto.has_max_session_keys()) {
    parts.maxSessionKeys = proto.max_session_keys().value();
  }
  parts.verifier = common->peer.verifier;
  parts.keyLog = common->keyLog;
  CredentialSettings settings;
  settings.role = Role::Client;
  settings.parameters = std::move(common->parameters);
  settings.certificates = std::move(common->certificates);
  settings.alpn = std::move(common->alpn);
  settings.keyLog = common->keyLog != nullptr;
  parts.credentials = credentials(settings);
  parts.digest = digestOf(base::cat(view(common->peer.digest), view(parts.credentials->digest())));
  return std::make_shared<const ClientContext>(std::move(parts));
}

} // namespace moe::tls
