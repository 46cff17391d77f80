#include "tls/peer_compiler.h"

#include "base/strings.h"
#include "config/deterministic.h"
#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.pb.h"
#include "event/slot.h"
#include "tls/data_source.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;

} // namespace

absl::StatusOr<TrustPtr> PeerCompiler::trust(std::string_view ca, const FieldPath& caPath,
                                             std::string_view crl, const FieldPath& crlPath,
                                             std::string name) {
  std::string key(name);
  key += '\0';
  key += view(digestOf(ca));
  key += view(digestOf(crl));
  return shareOr<Trust>(trusts_, digestOf(key), [&]() -> absl::StatusOr<TrustPtr> {
    auto parsed = Trust::parse(ca, caPath, crl, crlPath, std::move(name));
    return parsed.ok() && endOn_ != nullptr ? event::endingOn(*endOn_, *parsed) : parsed;
  });
}

absl::Status PeerCompiler::readDomains(const Proto& proto, const FieldPath& path, PeerTrust& out) {
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
  return absl::OkStatus();
}

absl::StatusOr<PeerTrust> PeerCompiler::readTrust(const Proto& proto, bool spiffe,
                                                  const FieldPath& path) {
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
  if (spiffe) {
    if (absl::Status status = readDomains(proto, path, out); !status.ok()) {
      return status;
    }
  }
  return out;
}

absl::StatusOr<PeerTrust> PeerCompiler::checkPart(const Proto& proto, const FieldPath& path) {
  const auto rules = readPeerRules(proto, path, /*part=*/true);
  if (!rules.ok()) {
    return rules.status();
  }
  return readTrust(proto, rules->spiffe, path);
}

absl::StatusOr<CompiledPeer> PeerCompiler::compile(const Proto& proto, Role role,
                                                   bool nameIsServerName, const FieldPath& path) {
  auto rules = readPeerRules(proto, path);
  if (!rules.ok()) {
    return rules.status();
  }
  rules->nameIsServerName = nameIsServerName;
  auto trust = readTrust(proto, rules->spiffe, path);
  if (!trust.ok()) {
    return trust.status();
  }
  CompiledPeer out;
  // The rules by what they were read from, the trust by what was in it.
  Proto plain = proto;
  plain.clear_trusted_ca();
  plain.clear_crl();
  std::string all =
      base::cat(static_cast<int>(role), nameIsServerName, config::deterministic(plain));
  for (const TrustPtr& one : trust->all()) {
    all += view(one->digest());
  }
  out.digest = digestOf(all);
  out.suppressCaNames = proto.suppress_client_ca_list();
  out.verifier = std::make_shared<const Verifier>(role == Role::Server ? Verifier::Peer::Client
                                                                       : Verifier::Peer::Server,
                                                  std::move(*trust), std::move(*rules));
  return out;
}

} // namespace moe::tls
