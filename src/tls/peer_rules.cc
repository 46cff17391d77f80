#include "tls/peer_rules.h"

#include <openssl/base64.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <map>

#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.pb.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using Context = v3::CertificateValidationContext;

constexpr std::string_view kDefaultValidator = "envoy.tls.cert_validator.default";

int hexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What nobody acts on, and whose neglect would open a door.
absl::Status refuseUnsupported(const Context& proto, const FieldPath& path) {
  if (proto.has_ca_certificate_provider_instance()) {
    return fieldError(path.field("ca_certificate_provider_instance"),
                      "a certificate provider, which is not supported", "trusted_ca");
  }
  if (proto.has_system_root_certs() && !proto.has_trusted_ca()) {
    return fieldError(path.field("system_root_certs"),
                      "the system's roots, which are not supported", "trusted_ca");
  }
  if (proto.require_signed_certificate_timestamp().value()) {
    return fieldError(path.field("require_signed_certificate_timestamp"),
                      "true, which is not supported", "false");
  }
  return absl::OkStatus();
}

// As Envoy, since without an authority anybody may write any name.
absl::Status checkWithoutTrust(const Context& proto, const FieldPath& path) {
  if (proto.has_trusted_ca()) {
    return absl::OkStatus();
  }
  constexpr std::string_view expected = "trusted_ca beside it";
  if (proto.has_crl()) {
    return fieldError(path.field("crl"), "a revocation list without trusted_ca", expected);
  }
  if (!proto.match_typed_subject_alt_names().empty() || !proto.match_subject_alt_names().empty()) {
    return fieldError(path.field(proto.match_typed_subject_alt_names().empty()
                                     ? "match_subject_alt_names"
                                     : "match_typed_subject_alt_names"),
                      "names to match without trusted_ca", expected);
  }
  if (proto.allow_expired_certificate()) {
    return fieldError(path.field("allow_expired_certificate"),
                      "true without trusted_ca, where no time is checked", expected);
  }
  return absl::OkStatus();
}

// The SPIFFE validator looks at URIs and time only.
absl::Status checkForSpiffe(const Context& proto, const FieldPath& path) {
  const std::pair<bool, std::string_view> others[] = {
      {proto.has_trusted_ca(), "trusted_ca"},
      {proto.has_crl(), "crl"},
      {!proto.verify_certificate_hash().empty(), "verify_certificate_hash"},
      {!proto.verify_certificate_spki().empty(), "verify_certificate_spki"},
      {proto.only_verify_leaf_cert_crl(), "only_verify_leaf_cert_crl"},
      {proto.trust_chain_verification() != Context::VERIFY_TRUST_CHAIN, "trust_chain_verification"},
  };
  for (const auto& [set, name] : others) {
    if (set) {
      return fieldError(path.field(name), "a value that the SPIFFE validator does not look at",
                        "none beside custom_validator_config");
    }
  }
  for (int i = 0; i < proto.match_typed_subject_alt_names_size(); ++i) {
    const auto type = proto.match_typed_subject_alt_names(i).san_type();
    if (type != v3::SubjectAltNameMatcher::URI) {
      return fieldError(path.field("match_typed_subject_alt_names")
                            .index(static_cast<size_t>(i))
                            .field("san_type"),
                        v3::SubjectAltNameMatcher::SanType_Name(type),
                        "URI, the only kind that the SPIFFE validator looks at");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> wantsSpiffe(const Context& proto, const FieldPath& path) {
  if (!proto.has_custom_validator_config()) {
    return false;
  }
  const auto& custom = proto.custom_validator_config();
  const FieldPath at = path.field("custom_validator_config");
  if (config::typeNameOf(custom.typed_config().type_url()) ==
      v3::SPIFFECertValidatorConfig::descriptor()->full_name()) {
    return true;
  }
  if (custom.name() == kDefaultValidator && !custom.has_typed_config()) {
    return false;
  }
  return config::unsupportedExtension(at, custom.name(), custom.typed_config().type_url(),
                                      {v3::SPIFFECertValidatorConfig::descriptor()->full_name()});
}

using Parser = absl::StatusOr<Digest> (*)(std::string_view, const FieldPath&);

absl::Status readDigests(const google::protobuf::RepeatedPtrField<std::string>& texts, Parser parse,
                         const FieldPath& path, std::vector<Digest>& out) {
  for (int i = 0; i < texts.size(); ++i) {
    const auto digest = parse(texts[i], path.index(static_cast<size_t>(i)));
    if (!digest.ok()) {
      return digest.status();
    }
    out.push_back(*digest);
  }
  return absl::OkStatus();
}

} // namespace

std::vector<TrustPtr> PeerTrust::all() const {
  std::vector<TrustPtr> trusts;
  if (trust != nullptr) {
    trusts.push_back(trust);
  }
  const std::map<std::string_view, TrustPtr> sorted(domains.begin(), domains.end());
  for (const auto& [name, one] : sorted) {
    trusts.push_back(one);
  }
  return trusts;
}

absl::StatusOr<Digest> parseHexDigest(std::string_view text, const FieldPath& path) {
  Digest digest;
  const bool colons = text.size() == digest.size() * 3 - 1;
  bool good = colons || text.size() == digest.size() * 2;
  for (size_t i = 0; good && i < digest.size(); ++i) {
    const size_t at = i * (colons ? 3 : 2);
    const int high = hexValue(text[at]);
    const int low = hexValue(text[at + 1]);
    good = high >= 0 && low >= 0 && (!colons || i == 0 || text[at - 1] == ':');
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (!good) {
    return fieldError(path, inQuotes(text), "a SHA-256 digest: 64 hexadecimal digits");
  }
  return digest;
}

absl::StatusOr<Digest> parseBase64Digest(std::string_view text, const FieldPath& path) {
  uint8_t bytes[48];
  size_t length = 0;
  Digest digest;
  if (EVP_DecodeBase64(bytes, &length, sizeof(bytes), reinterpret_cast<const uint8_t*>(text.data()),
                       text.size()) != 1 ||
      length != digest.size()) {
    return fieldError(path, inQuotes(text), "a SHA-256 digest: 32 bytes in base64");
  }
  std::copy_n(bytes, digest.size(), digest.begin());
  return digest;
}

absl::StatusOr<PeerRules> readPeerRules(const Context& proto, const FieldPath& path, bool part) {
  if (absl::Status status = refuseUnsupported(proto, path); !status.ok()) {
    return status;
  }
  PeerRules rules;
  const auto spiffe = wantsSpiffe(proto, path);
  if (!spiffe.ok()) {
    return spiffe.status();
  }
  rules.spiffe = *spiffe;
  absl::Status status = rules.spiffe ? checkForSpiffe(proto, path)
                        : part       ? absl::OkStatus()
                                     : checkWithoutTrust(proto, path);
  if (!status.ok()) {
    return status;
  }
  auto names = compileSanMatchers(proto, path);
  if (!names.ok()) {
    return names.status();
  }
  rules.names = std::move(*names);
  if (rules.spiffe) { // Of the deprecated form's four kinds.
    std::erase_if(rules.names, [](const SanMatcher& name) { return name.kind() != GEN_URI; });
  }
  status.Update(readDigests(proto.verify_certificate_hash(), &parseHexDigest,
                            path.field("verify_certificate_hash"), rules.certificateHashes));
  status.Update(readDigests(proto.verify_certificate_spki(), &parseBase64Digest,
                            path.field("verify_certificate_spki"), rules.spkiHashes));
  if (!status.ok()) {
    return status;
  }
  rules.allowExpired = proto.allow_expired_certificate();
  rules.acceptUntrusted = proto.trust_chain_verification() == Context::ACCEPT_UNTRUSTED;
  rules.onlyLeafCrl = proto.only_verify_leaf_cert_crl();
  if (proto.has_max_verify_depth()) {
    rules.maxDepth = proto.max_verify_depth().value();
  }
  return rules;
}

} // namespace moe::tls
