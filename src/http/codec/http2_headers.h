#pragma once

#include <nghttp2/nghttp2.h>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "http/header_map.h"

namespace moe::http {

// Headers as nghttp2 takes them: pseudo-headers first, nothing that belongs to an HTTP/1 connection
// (RFC 9113 section 8.2.2). The entries are views of the map.
using NgHeaders = absl::InlinedVector<nghttp2_nv, 32>;

// A request that wants an upgrade becomes an extended CONNECT (RFC 8441); `upgrade` says so.
// Error: what is missing or cannot be said.
absl::Status toNgRequest(const HeaderMap& headers, NgHeaders& out, bool& upgrade);
// `upgrade`: the request was an extended CONNECT, so that 101 is said as 200.
void toNgResponse(const HeaderMap& headers, bool upgrade, NgHeaders& out);
void toNgTrailers(const HeaderMap& trailers, NgHeaders& out);

// Why a field cannot be part of a message (response_code_details), or null (RFC 9113 sections 8.2
// and 8.3). `pseudoAllowed`: pseudo-headers may come here; `before`: the fields before it.
const char* fieldProblem(std::string_view name, std::string_view value, const HeaderMap& before,
                         bool pseudoAllowed);

// Checks and brings received request headers to the form that HTTP/1 gives (header_id.h):
// :authority from Host, one cookie header (RFC 9113 section 8.2.3), Upgrade for an extended
// CONNECT, which sets `upgrade`. Error: response_code_details of the malformed request.
absl::Status fromRequest(HeaderMap& headers, bool allowConnect, bool& upgrade);
// `upgrade` as the request was sent: its 2xx becomes a 101.
absl::Status fromResponse(HeaderMap& headers, std::string_view upgrade);

} // namespace moe::http
