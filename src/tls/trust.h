#pragma once

#include <openssl/pool.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "tls/x509.h"

namespace moe::tls {

// SHA-256 of what something was made from.
using Digest = std::array<uint8_t, 32>;
Digest digestOf(std::string_view bytes);
inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Certificate authorities and their revocation lists, as one bundle says them: one object for each
// secret, shared by every context that names it. Immutable; any thread.
class Trust {
  struct Private {}; // only parse() makes one

public:
  explicit Trust(Private) {}
  // `ca` is PEM: authorities, and perhaps revocation lists; `crl` is PEM or "": more lists. The
  // paths are those of the two fields, `name` says where `ca` came from, for Envoy's /certs.
  static absl::StatusOr<std::shared_ptr<const Trust>>
  parse(std::string_view ca, const config::FieldPath& caPath, std::string_view crl,
        const config::FieldPath& crlPath, std::string name);

  X509_STORE* store() const { return store_.get(); }
  const std::vector<X509Ptr>& authorities() const { return authorities_; }
  bool hasCrl() const { return hasCrl_; }
  const Digest& digest() const { return digest_; }
  const std::string& name() const { return name_; }

private:
  bssl::UniquePtr<X509_STORE> store_;
  std::vector<X509Ptr> authorities_;
  bool hasCrl_ = false;
  Digest digest_ = {};
  std::string name_;
};
using TrustPtr = std::shared_ptr<const Trust>;

} // namespace moe::tls
