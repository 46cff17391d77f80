// Any bytes as a peer's certificate (DER): its texts are short and printable, and it is checked
// against names, hashes, an authority and SPIFFE's rules without a crash. What it is good for it
// would have to be signed for.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "tls/spiffe.h"
#include "tls/verifier.h"
#include "tls/x509.h"

namespace {

void check(bool good) {
  if (!good) {
    __builtin_trap();
  }
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace moe::tls; // NOLINT(google-build-using-namespace)
  const uint8_t* at = data;
  const X509Ptr leaf(d2i_X509(nullptr, &at, static_cast<long>(size)));
  ERR_clear_error();
  if (leaf == nullptr) {
    return 0;
  }
  check(describe(*leaf).size() < 1000 && printable(describe(*leaf)));
  check(notBefore(*leaf) == notBefore(*leaf) && notAfter(*leaf) == notAfter(*leaf));
  (void)serialOf(*leaf);
  (void)commonName(*leaf);
  (void)trustDomainOf(*leaf);
  if (const GeneralNamesPtr names = alternativeNames(*leaf)) {
    for (const GENERAL_NAME* name : names.get()) {
      (void)nameText(*name);
    }
  }
  PeerRules rules;
  rules.names.push_back(SanMatcher::dns("web.example.com"));
  rules.certificateHashes.push_back(Digest{});
  const Verifier pins(Verifier::Peer::Client, {}, std::move(rules));
  const bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  bssl::PushToStack(chain.get(), bssl::UpRef(leaf));
  Verdict verdict = pins.verify(*chain, "", {});
  check(!verdict.ok() && printable(verdict.failure));
  PeerRules spiffe;
  spiffe.spiffe = true;
  verdict = Verifier(Verifier::Peer::Server, {}, std::move(spiffe)).verify(*chain, "", {});
  check(!verdict.ok() && printable(verdict.failure));
  check(ERR_peek_error() == 0);
  return 0;
}
