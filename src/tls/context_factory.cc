#include "tls/context_factory.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/strings.h"
#include "config/duration.h"
#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.pb.h"
#include "tls/data_source.h"
#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;

std::string deterministic(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&out);
  }
  return bytes;
}

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The object of `key` that is still in use, or what `make` makes.
template <class T, class Make>
absl::StatusOr<std::shared_ptr<const T>> shareOr(std::map<Digest, std::weak_ptr<const T>>& shared,
                                                 const Digest& key, Make make) {
  if (const auto found = shared.find(key); found != shared.end()) {
    if (std::shared_ptr<const T> present = found->second.lock()) {
      return present;
    }
  }
  absl::StatusOr<std::shared_ptr<const T>> made = make();
  if (made.ok()) {
    std::erase_if(shared, [](const auto& entry) { return entry.second.expired(); });
    shared[key] = *made;
  }
  return made;
}

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

std::vector<TrustPtr> trustsOf(const PeerTrust& peer) {
  std::vector<TrustPtr> trusts;
  if (peer.trust != nullptr) {
    trusts.push_back(peer.trust);
  }
  std::map<std::string_view, TrustPtr> sorted(peer.domains.begin(), peer.domains.end());
  for (const auto& [name, trust] : sorted) {
    trusts.push_back(trust);
  }
  return trusts;
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

ContextFactory::ContextFactory() : stateIndex_(newStateIndex()) {}

absl::StatusOr<TrustPtr> ContextFactory::trust(std::string_view ca, const FieldPath& caPath,
                                               std::string_view crl, const FieldPath& crlPath,
                                               std::string name) {
  std::string key(name);
  key += '\0';
  key += view(digestOf(ca));
  key += view(digestOf(crl));
  return shareOr<Trust>(trusts_, digestOf(key),
                        [&] { return Trust::parse(ca, caPath, crl, crlPath, std::move(name)); });
}

absl::StatusOr<CertificatePtr> ContextFactory::certificate(const v3::TlsCertificate& proto,
                                                           const FieldPath& path) {
  const auto load = [&] { return loadCertificate(proto, path); };
  return namesNoFiles(proto)
             ? shareOr<Certificate>(certificates_, digestOf(deterministic(proto)), load)
             : load();
}

CredentialsPtr ContextFactory::credentials(CredentialSettings settings) {
  const Digest digest = settings.digest();
  auto shared = shareOr<Credentials>(credentials_, digest, [&]() -> absl::StatusOr<CredentialsPtr> {
    return std::make_shared<const Credentials>(std::move(settings), stateIndex_);
  });
  return *shared; // never an error
}

absl::StatusOr<PeerTrust> ContextFactory::readTrust(const v3::CertificateValidationContext& proto,
                                                    bool spiffe, const FieldPath& path) {
  PeerTrust out;
  if (proto.has_trusted_ca()) {
    const auto ca = readSource(proto.trusted_ca(), path.field("trusted_ca"));
    if (!ca.ok()) {
      return ca.status();
    }
    absl::StatusOr<std::string> crl = std::string();
    if (proto.has_crl()) {
      crl = readSource(proto.crl(), path.field("crl"));
    }
    if (!crl.ok()) {
      return crl.status();
    }
    auto found = trust(*ca, path.field("trusted_ca"), *crl, path.field("crl"),
                       sourceName(proto.trusted_ca()));
    if (!found.ok()) {
      return found.status();
    }
    out.trust = std::move(*found);
  }
  if (!spiffe) {
    return out;
  }
  const FieldPath at = path.field("custom_validator_config").field("typed_config");
  const auto config = config::unpackTo<v3::SPIFFECertValidatorConfig>(
      proto.custom_validator_config().typed_config(), at);
  if (!config.ok()) {
    return config.status();
  }
  if (config->has_trust_bundles()) {
    return fieldError(at.field("trust_bundles"), "a SPIFFE bundle map, which is not supported",
                      "trust_domains");
  }
  if (config->trust_domains().empty()) {
    return fieldError(at.field("trust_domains"), "none", "at least one trust domain");
  }
  for (int i = 0; i < config->trust_domains_size(); ++i) {
    const auto& domain = config->trust_domains(i);
    const FieldPath one = at.field("trust_domains").index(static_cast<size_t>(i));
    if (domain.name().empty() || out.domains.contains(domain.name())) {
      return fieldError(one.field("name"), inQuotes(domain.name()),
                        "a trust domain, each only once");
    }
    if (!domain.workload_trust_domain().empty()) {
      return fieldError(one.field("workload_trust_domain"), "a condition, which is not supported",
                        "nothing");
    }
    const FieldPath bundlePath = one.field("trust_bundle");
    const auto bundle = readSource(domain.trust_bundle(), bundlePath);
    if (!bundle.ok()) {
      return bundle.status();
    }
    auto found = trust(*bundle, bundlePath, "", bundlePath,
                       base::cat(domain.name(), ": ", sourceName(domain.trust_bundle())));
    if (!found.ok()) {
      return found.status();
    }
    out.domains.emplace(domain.name(), std::move(*found));
  }
  return out;
}

absl::Status ContextFactory::readPeer(const v3::CertificateValidationContext& proto, Role role,
                                      bool nameIsServerName, const FieldPath& path, Common& out) {
  auto rules = readPeerRules(proto, path);
  if (!rules.ok()) {
    return rules.status();
  }
  rules->nameIsServerName = nameIsServerName;
  auto trust = readTrust(proto, rules->spiffe, path);
  if (!trust.ok()) {
    return trust.status();
  }
  // The rules by what they were read from, the trust by what was in it.
  v3::CertificateValidationContext plain = proto;
  plain.clear_trusted_ca();
  plain.clear_crl();
  std::string all = base::cat(static_cast<int>(role), nameIsServerName, deterministic(plain));
  for (const TrustPtr& one : trustsOf(*trust)) {
    all += view(one->digest());
  }
  out.peerDigest = digestOf(all);
  out.suppressCaNames = proto.suppress_client_ca_list();
  out.verifier = std::make_shared<const Verifier>(role == Role::Server ? Verifier::Peer::Client
                                                                       : Verifier::Peer::Server,
                                                  std::move(*trust), std::move(*rules));
  return absl::OkStatus();
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
  for (const auto& [message, at] : *certificates) {
    auto loaded = certificate(*message, at);
    if (!loaded.ok()) {
      return loaded.status();
    }
    out.certificates.push_back(std::move(*loaded));
  }
  v3::CertificateValidationContext validation;
  const auto at = resolveValidation(proto, resolver, path, validation);
  if (!at.ok()) {
    return at.status();
  }
  if (absl::Status status = readPeer(validation, role, nameIsServerName, *at, out); !status.ok()) {
    return status;
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
  if (common->certificates.empty()) {
    return fieldError(commonPath.field("tls_certificates"), "none", "at least one certificate");
  }
  if (proto.require_sni().value()) {
    return fieldError(path.field("require_sni"), "true, which is not supported", "false");
  }
  ServerContext::Parts parts;
  parts.requireClientCertificate = proto.require_client_certificate().value();
  if (parts.requireClientCertificate &&
      common->verifier->ask(/*required=*/false) == Verifier::Ask::No) {
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
  if (settings.tickets) {
    const auto keys = resolveTicketKeys(proto, resolver, path);
    if (!keys.ok()) {
      return keys.status();
    }
    auto compiled = keys->message != nullptr
                        ? readTicketKeys(*keys->message, keys->path)
                        : absl::StatusOr<TicketKeysPtr>(makeRandomTicketKeys());
    if (!compiled.ok()) {
      return compiled.status();
    }
    parts.ticketKeys = std::move(*compiled);
  }
  parts.sessionContext = sessionContextOf(common->peerDigest, common->certificates, serverNames);
  parts.verifier = common->verifier;
  parts.keyLog = common->keyLog;
  settings.role = Role::Server;
  settings.parameters = std::move(common->parameters);
  settings.certificates = std::move(common->certificates);
  settings.alpn = std::move(common->alpn);
  settings.keyLog = common->keyLog != nullptr;
  settings.fullScan = proto.full_scan_certs_on_sni_mismatch().value();
  settings.preferClientCiphers = proto.prefer_client_ciphers();
  if (!common->suppressCaNames) {
    settings.advertised = trustsOf(common->verifier->trust());
  }
  parts.credentials = credentials(std::move(settings));
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
  if (common->certificates.size() > 1) {
    return fieldError(commonPath.field("tls_certificates"),
                      base::cat(common->certificates.size(), " certificates"),
                      "at most one for a client");
  }
  if (proto.allow_renegotiation()) {
    return fieldError(path.field("allow_renegotiation"), "true, which is not supported", "false");
  }
  if (proto.auto_sni_san_validation() && common->verifier->trust().trust == nullptr) {
    return fieldError(path.field("auto_sni_san_validation"), "true without trusted_ca",
                      "trusted_ca in validation_context");
  }
  if (proto.sni().find('\0') != std::string::npos || proto.sni().size() > 255) {
    return fieldError(path.field("sni"), inQuotes(proto.sni()),
                      "a name of at most 255 bytes without NUL");
  }
  ClientContext::Parts parts;
  parts.serverName = proto.sni();
  parts.autoHostSni = proto.auto_host_sni();
  if (proto.has_max_session_keys()) {
    parts.maxSessionKeys = proto.max_session_keys().value();
  }
  parts.verifier = common->verifier;
  parts.keyLog = common->keyLog;
  CredentialSettings settings;
  settings.role = Role::Client;
  settings.parameters = std::move(common->parameters);
  settings.certificates = std::move(common->certificates);
  settings.alpn = std::move(common->alpn);
  settings.keyLog = common->keyLog != nullptr;
  parts.credentials = credentials(std::move(settings));
  parts.digest = digestOf(base::cat(view(common->peerDigest), view(parts.credentials->digest())));
  return std::make_shared<const ClientContext>(std::move(parts));
}

} // namespace moe::tls
