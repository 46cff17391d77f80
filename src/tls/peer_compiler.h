#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"
#include "event/loop.h"
#include "tls/parameters.h"
#include "tls/shared.h"
#include "tls/verifier.h"

namespace moe::tls {

// How a context checks its peers.
struct CompiledPeer {
  std::shared_ptr<const Verifier> verifier;
  bool suppressCaNames = false; // suppress_client_ca_list
  Digest digest = {};           // of the rules and of what is trusted
};

// Compiles CertificateValidationContext, and shares the bundles that are the same. Main thread.
class PeerCompiler {
public:
  // Bundles end on `endOn`, if there is one: they may be large. It outlives them.
  explicit PeerCompiler(event::Loop* endOn = nullptr) : endOn_(endOn) {}

  // `role` is that of the context: a server checks clients. `nameIsServerName` is
  // auto_sni_san_validation. Reads files. Errors name the field below `path`.
  absl::StatusOr<CompiledPeer>
  compile(const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& proto,
          Role role, bool nameIsServerName, const config::FieldPath& path);

  // Checks a message that others may be merged with. Returns its bundles: as long as they live,
  // compile() finds them.
  absl::StatusOr<PeerTrust> checkPart(
      const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& proto,
      const config::FieldPath& path);

private:
  using Proto = envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext;
  absl::StatusOr<PeerTrust> readTrust(const Proto& proto, bool spiffe,
                                      const config::FieldPath& path);
  absl::Status readDomains(const Proto& proto, const config::FieldPath& path, PeerTrust& out);
  absl::StatusOr<TrustPtr> trust(std::string_view ca, const config::FieldPath& caPath,
                                 std::string_view crl, const config::FieldPath& crlPath,
                                 std::string name);

  event::Loop* const endOn_;
  Shared<Trust> trusts_;
};

} // namespace moe::tls
