#include "tls/verifier.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "tls/spiffe.h"
#include "tls/x509.h"

namespace moe::tls {
namespace {

using Fail = VerifyState::Fail;

Verdict failed(Fail fail, std::string failure, uint8_t alert) {
  return {fail, std::move(failure), false, alert};
}

Verdict failedChain(int error, const X509* certificate) {
  const std::string who =
      certificate != nullptr ? base::cat(" (", describe(*certificate), ")") : "";
  return failed(Fail::Error, base::cat(X509_verify_cert_error_string(error), who),
                static_cast<uint8_t>(SSL_alert_from_verify_result(error)));
}

// `DNS "a", URI "b" and 3 more`: the names that a certificate has.
std::string listNames(const X509& certificate) {
  const GeneralNamesPtr names = alternativeNames(certificate);
  if (names == nullptr || sk_GENERAL_NAME_num(names.get()) == 0) {
    return "none";
  }
  constexpr size_t limit = 4;
  std::string list;
  size_t count = 0;
  for (const GENERAL_NAME* name : names.get()) {
    if (++count <= limit) {
      list +=
          base::cat(list.empty() ? "" : ", ", kindName(name->type), " ", quoted(nameText(*name)));
    }
  }
  return count > limit ? base::cat(list, " and ", count - limit, " more") : list;
}

std::string listWanted(std::span<const SanMatcher> matchers) {
  constexpr size_t limit = 4;
  std::string list;
  for (const SanMatcher& matcher : matchers.first(std::min(limit, matchers.size()))) {
    list += base::cat(list.empty() ? "" : ", ", matcher.about());
  }
  return matchers.size() > limit ? base::cat(list, " or ", matchers.size() - limit, " others")
                                 : list;
}

Verdict failedNames(const X509& leaf, std::string_view wanted) {
  return failed(Fail::San,
                base::cat("no subject alternative name of the certificate is accepted: found ",
                          listNames(leaf), ", expected ", wanted, " (", describe(leaf), ")"),
                SSL_AD_CERTIFICATE_UNKNOWN);
}

bool contains(const std::vector<Digest>& digests, const Digest& one) {
  return std::find(digests.begin(), digests.end(), one) != digests.end();
}

bool certificateIn(const std::vector<Digest>& digests, const X509& leaf) {
  Digest digest;
  unsigned length = 0;
  return !digests.empty() && X509_digest(&leaf, EVP_sha256(), digest.data(), &length) == 1 &&
         contains(digests, digest);
}

bool keyIn(const std::vector<Digest>& digests, const X509& leaf) {
  if (digests.empty()) {
    return false;
  }
  uint8_t* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&leaf), &der);
  if (length <= 0) {
    return false;
  }
  const bssl::UniquePtr<uint8_t> owned(der);
  return contains(digests,
                  digestOf({reinterpret_cast<const char*>(der), static_cast<size_t>(length)}));
}

} // namespace

Verifier::Verifier(Peer peer, PeerTrust trust, PeerRules rules)
    : peer_(peer), trust_(std::move(trust)), rules_(std::move(rules)) {}

Verifier::Ask Verifier::ask(bool required) const {
  if (required || rules_.spiffe) {
    return Ask::Required;
  }
  if (!rules_.names.empty() || rules_.pinned()) {
    return rules_.acceptUntrusted ? Ask::Optional : Ask::Required;
  }
  return trust_.trust != nullptr || rules_.acceptUntrusted ? Ask::Optional : Ask::No;
}

Verdict Verifier::verify(const STACK_OF(X509) & chain, std::string_view serverName,
                         std::span<const std::string> names) const {
  X509* leaf = sk_X509_value(&chain, 0);
  if (leaf == nullptr) {
    return failed(Fail::Error, "the peer has sent no certificate", SSL_AD_CERTIFICATE_REQUIRED);
  }
  Verdict verdict;
  if (rules_.spiffe) {
    verdict = checkSpiffe(*leaf, chain);
  } else if (trust_.trust != nullptr) {
    verdict = checkChain(*trust_.trust, *leaf, chain);
  }
  bool verified = verdict.verified;
  if (verdict.ok()) {
    verdict = checkNames(*leaf, serverName, names);
    verified = verified || verdict.verified;
  }
  if (verdict.ok()) {
    verdict = checkHashes(*leaf);
    verified = verified || verdict.verified;
  }
  if (!verdict.ok()) {
    // Where it is accepted all the same, a route may still ask whether it was good.
    return rules_.acceptUntrusted ? Verdict() : verdict;
  }
  verdict.verified = verified;
  return verdict;
}

Verdict Verifier::checkSpiffe(X509& leaf, const STACK_OF(X509) & chain) const {
  const auto domain = trustDomainOf(leaf);
  if (!domain.ok()) {
    return failed(Fail::Error,
                  base::cat("the certificate has ", base::message(domain.status()), " (",
                            describe(leaf), ")"),
                  SSL_AD_BAD_CERTIFICATE);
  }
  const auto found = trust_.domains.find(*domain);
  if (found == trust_.domains.end()) {
    return failed(Fail::Error,
                  base::cat("no trust bundle for the trust domain ", quoted(*domain), " (",
                            describe(leaf), ")"),
                  SSL_AD_UNKNOWN_CA);
  }
  return checkChain(*found->second, leaf, chain);
}

Verdict Verifier::checkChain(const Trust& trust, X509& leaf, const STACK_OF(X509) & chain) const {
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  // The names are of the purposes: what the peer's certificate must be good for.
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), trust.store(), &leaf,
                          const_cast<STACK_OF(X509)*>(&chain)) != 1 || // is not changed
      X509_STORE_CTX_set_default(context.get(),
                                 peer_ == Peer::Client ? "ssl_client" : "ssl_server") != 1) {
    ERR_clear_error();
    return failed(Fail::Error, "no memory to check the certificate", SSL_AD_INTERNAL_ERROR);
  }
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; // an intermediate may be an anchor, too
  if (trust.hasCrl()) {
    flags |= X509_V_FLAG_CRL_CHECK;
    flags |= rules_.onlyLeafCrl ? 0 : X509_V_FLAG_CRL_CHECK_ALL;
  }
  flags |= rules_.allowExpired ? X509_V_FLAG_NO_CHECK_TIME : 0;
  X509_VERIFY_PARAM_set_flags(param, flags);
  if (rules_.maxDepth) { // BoringSSL counts what is between leaf and anchor.
    const uint32_t limit = std::min<uint32_t>(*rules_.maxDepth, std::numeric_limits<int>::max());
    X509_VERIFY_PARAM_set_depth(param, limit > 0 ? static_cast<int>(limit) - 1 : 0);
  }
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!good) {
    const X509* culprit = X509_STORE_CTX_get_current_cert(context.get());
    return failedChain(X509_STORE_CTX_get_error(context.get()),
                       culprit != nullptr ? culprit : &leaf);
  }
  if (rules_.maxDepth &&
      sk_X509_num(X509_STORE_CTX_get0_chain(context.get())) > size_t{*rules_.maxDepth} + 1) {
    return failedChain(X509_V_ERR_CERT_CHAIN_TOO_LONG, &leaf);
  }
  Verdict verdict;
  verdict.verified = true;
  return verdict;
}

Verdict Verifier::checkNames(const X509& leaf, std::string_view serverName,
                             std::span<const std::string> names) const {
  Verdict good;
  good.verified = true;
  if (!names.empty()) {
    return namesAny(names, leaf) ? good : failedNames(leaf, config::inQuotes(names[0]));
  }
  if (rules_.nameIsServerName && !serverName.empty()) {
    const SanMatcher matcher = SanMatcher::dns(std::string(serverName));
    return matchesAny({&matcher, 1}, leaf) ? good : failedNames(leaf, matcher.about());
  }
  if (!rules_.names.empty()) {
    return matchesAny(rules_.names, leaf) ? good : failedNames(leaf, listWanted(rules_.names));
  }
  return {};
}

Verdict Verifier::checkHashes(const X509& leaf) const {
  Verdict verdict;
  if (!rules_.pinned()) {
    return verdict;
  }
  if (!certificateIn(rules_.certificateHashes, leaf) && !keyIn(rules_.spkiHashes, leaf)) {
    return failed(Fail::CertHash,
                  base::cat("neither the certificate nor its key is one of those that "
                            "verify_certificate_hash and verify_certificate_spki list (",
                            describe(leaf), ")"),
                  SSL_AD_BAD_CERTIFICATE_HASH_VALUE);
  }
  verdict.verified = true;
  return verdict;
}

} // namespace moe::tls
