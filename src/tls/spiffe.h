#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace moe::tls {

// The trust domain of a SPIFFE ID ("cluster.local" of "spiffe://cluster.local/ns/a/sa/b"), or ""
// where the text is none.
std::string_view trustDomainOf(std::string_view uri);

// The trust domain of a leaf certificate, after the checks of the X.509-SVID specification
// (section 5.2): no authority, a key usage that does not sign certificates or lists, one URI, which
// is a SPIFFE ID. Errors are for people.
absl::StatusOr<std::string> trustDomainOf(const X509& leaf);

} // namespace moe::tls
