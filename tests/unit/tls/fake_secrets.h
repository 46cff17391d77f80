#pragma once

#include "config/fake_source.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"

namespace moe::tls::test {

// A control plane's secrets: the test sends them.
struct FakeSecrets
    : config::test::FakeSource<envoy::extensions::transport_sockets::tls::v3::Secret> {
  using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;

  absl::Status send(const Secret& secret) {
    return receivers.at(secret.name())->onResource(secret);
  }
};

} // namespace moe::tls::test
