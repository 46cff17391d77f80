#pragma once

#include <cstdint>

#include "envoy/admin/v3/certs.pb.h"
#include "tls/transport.h"

namespace moe::admin {

// Envoy's /certs: the certificates of every TLS context in use. `now`: seconds since 1970. Main
// thread.
envoy::admin::v3::Certificates certificates(const tls::TransportCompiler& contexts, int64_t now);

} // namespace moe::admin
