#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace moe::tls {

// What is read of an OCSP response (RFC 6960): which certificate it is of and how long it holds.
// Whether its signature is good is for the clients who get it.
struct OcspResponse {
  std::string serial;                // the certificate's, as serialOf() writes it
  int64_t thisUpdate = 0;            // seconds since 1970
  std::optional<int64_t> nextUpdate; // without it, it has expired, as in Envoy

  bool expired(int64_t now) const { return !nextUpdate || *nextUpdate < now; }
};

// Parses a DER OCSPResponse: a successful one for one certificate. Errors say what is wrong.
absl::StatusOr<OcspResponse> parseOcspResponse(std::string_view der);

} // namespace moe::tls
