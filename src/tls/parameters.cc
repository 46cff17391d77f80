#include "tls/parameters.h"

#include <openssl/err.h>

#include <span>
#include <string_view>

#include "base/strings.h"
#include "config/suggest.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using Proto = envoy::extensions::transport_sockets::tls::v3::TlsParameters;
using Names = google::protobuf::RepeatedPtrField<std::string>;

constexpr std::string_view kDefaultCiphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr std::string_view kDefaultGroups = "X25519:P-256";

std::string join(const Names& names) {
  std::string joined;
  for (const std::string& name : names) {
    joined += base::cat(joined.empty() ? "" : ":", name);
  }
  return joined;
}

// The parts of `text` between any of `separators`, without empty ones.
std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) {
      parts.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// One kind of list: how BoringSSL takes it, and what it knows.
struct ListKind {
  int (*set)(SSL_CTX*, const char*);
  size_t (*known)(const char**, size_t);
  std::string_view separators;
  std::string_view expected;
};

constexpr ListKind kCiphers = {&SSL_CTX_set_strict_cipher_list, &SSL_get_all_cipher_names, ":+![|]",
                               "names of TLS 1.2 cipher suites as OpenSSL writes them"};
constexpr ListKind kGroups = {&SSL_CTX_set1_groups_list, &SSL_get_all_group_names, ":",
                              "different groups such as X25519, P-256 or X25519MLKEM768"};
constexpr ListKind kAlgorithms = {&SSL_CTX_set1_sigalgs_list,
                                  &SSL_get_all_signature_algorithm_names, ":",
                                  "different signature algorithms such as ecdsa_secp256r1_sha256"};

bool takes(const ListKind& kind, const std::string& list) {
  const bssl::UniquePtr<SSL_CTX> scratch(SSL_CTX_new(TLS_method()));
  const bool good = kind.set(scratch.get(), list.c_str()) == 1;
  ERR_clear_error();
  return good;
}

std::string suggestionFor(const ListKind& kind, std::string_view name) {
  std::vector<const char*> known(kind.known(nullptr, 0));
  kind.known(known.data(), known.size());
  const std::string text =
      config::suggestion(name, std::vector<std::string>(known.begin(), known.end()));
  return text.empty() ? "" : base::cat("; ", text);
}

absl::Status checkList(const ListKind& kind, const Names& names, const FieldPath& path) {
  if (names.empty() || (takes(kind, join(names)) && join(names).find('\0') == std::string::npos)) {
    return absl::OkStatus();
  }
  for (int i = 0; i < names.size(); ++i) {
    for (const std::string& part : split(names[i], kind.separators)) {
      const std::string name = part[0] == '-' ? part.substr(1) : part;
      if (!takes(kind, name) || name.find('\0') != std::string::npos) {
        return fieldError(path.index(static_cast<size_t>(i)), inQuotes(name),
                          base::cat(kind.expected, suggestionFor(kind, name)));
      }
    }
  }
  return fieldError(path, inQuotes(join(names)), kind.expected);
}

absl::StatusOr<uint16_t> versionOf(Proto::TlsProtocol version, uint16_t automatic,
                                   const FieldPath& path) {
  switch (version) {
  case Proto::TLS_AUTO:
    return automatic;
  case Proto::TLSv1_0:
    return TLS1_VERSION;
  case Proto::TLSv1_1:
    return TLS1_1_VERSION;
  case Proto::TLSv1_2:
    return TLS1_2_VERSION;
  case Proto::TLSv1_3:
    return TLS1_3_VERSION;
  default:
    return fieldError(path, base::cat(static_cast<int>(version)),
                      "TLS_AUTO, TLSv1_0, TLSv1_1, TLSv1_2 or TLSv1_3");
  }
}

std::string_view versionName(uint16_t version) {
  switch (version) {
  case TLS1_VERSION:
    return "TLSv1_0";
  case TLS1_1_VERSION:
    return "TLSv1_1";
  case TLS1_2_VERSION:
    return "TLSv1_2";
  default:
    return "TLSv1_3";
  }
}

absl::Status readVersions(const Proto& proto, Role role, const FieldPath& path, Parameters& out) {
  const FieldPath minPath = path.field("tls_minimum_protocol_version");
  const auto min = versionOf(proto.tls_minimum_protocol_version(), TLS1_2_VERSION, minPath);
  const auto max = versionOf(proto.tls_maximum_protocol_version(),
                             role == Role::Server ? TLS1_3_VERSION : TLS1_2_VERSION,
                             path.field("tls_maximum_protocol_version"));
  if (!min.ok()) {
    return min.status();
  }
  if (!max.ok()) {
    return max.status();
  }
  if (*min > *max) {
    const bool automatic = proto.tls_minimum_protocol_version() == Proto::TLS_AUTO;
    return fieldError(automatic ? path.field("tls_maximum_protocol_version") : minPath,
                      versionName(automatic ? *max : *min),
                      automatic
                          ? base::cat("at least the minimum, ", versionName(*min))
                          : base::cat("at most tls_maximum_protocol_version, ", versionName(*max),
                                      proto.tls_maximum_protocol_version() == Proto::TLS_AUTO
                                          ? " by default"
                                          : ""));
  }
  out.minVersion = *min;
  out.maxVersion = *max;
  return absl::OkStatus();
}

absl::Status readPolicies(const Proto& proto, const FieldPath& path, Parameters& out) {
  for (int i = 0; i < proto.compliance_policies_size(); ++i) {
    switch (proto.compliance_policies(i)) {
    case Proto::FIPS_202205:
      out.policies.push_back(ssl_compliance_policy_fips_202205);
      break;
    case Proto::CNSA1_202603:
      out.policies.push_back(ssl_compliance_policy_cnsa1_202603);
      break;
    case Proto::CNSA2_202603:
      out.policies.push_back(ssl_compliance_policy_cnsa2_202603);
      break;
    default:
      return fieldError(path.index(static_cast<size_t>(i)),
                        base::cat(static_cast<int>(proto.compliance_policies(i))),
                        "FIPS_202205, CNSA1_202603 or CNSA2_202603");
    }
  }
  return absl::OkStatus();
}

} // namespace

void Parameters::apply(SSL_CTX& context) const {
  SSL_CTX_set_min_proto_version(&context, minVersion);
  SSL_CTX_set_max_proto_version(&context, maxVersion);
  SSL_CTX_set_strict_cipher_list(&context, ciphers.c_str());
  SSL_CTX_set1_groups_list(&context, groups.c_str());
  if (!algorithms.empty()) {
    SSL_CTX_set1_sigalgs_list(&context, algorithms.c_str());
  }
  for (const ssl_compliance_policy_t policy : policies) {
    SSL_CTX_set_compliance_policy(&context, policy);
  }
}

absl::StatusOr<Parameters> readParameters(const Proto& proto, Role role, const FieldPath& path) {
  Parameters out;
  absl::Status status = readVersions(proto, role, path, out);
  status.Update(checkList(kCiphers, proto.cipher_suites(), path.field("cipher_suites")));
  status.Update(checkList(kGroups, proto.ecdh_curves(), path.field("ecdh_curves")));
  status.Update(
      checkList(kAlgorithms, proto.signature_algorithms(), path.field("signature_algorithms")));
  status.Update(readPolicies(proto, path.field("compliance_policies"), out));
  if (!status.ok()) {
    return status;
  }
  out.ciphers =
      proto.cipher_suites().empty() ? std::string(kDefaultCiphers) : join(proto.cipher_suites());
  out.groups =
      proto.ecdh_curves().empty() ? std::string(kDefaultGroups) : join(proto.ecdh_curves());
  out.algorithms = join(proto.signature_algorithms());
  return out;
}

} // namespace moe::tls
