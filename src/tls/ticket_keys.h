#pragma once

#include <openssl/aead.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"
#include "tls/trust.h"

namespace moe::tls {

// Seals the sessions of a server into tickets and opens them. Any thread, and no lock.
class TicketKeys {
public:
  virtual ~TicketKeys() = default;

  // What seal() adds to a session.
  static size_t overhead();
  // Writes at most `in.size()` + overhead() bytes to `out`; returns how many, 0 where it failed.
  virtual size_t seal(std::span<const uint8_t> in, uint8_t* out) const = 0;
  // Writes at most `in.size()` bytes to `out`; returns how many, 0 where no key opens it. `out` may
  // be `in`.
  virtual size_t open(std::span<const uint8_t> in, uint8_t* out) const = 0;
};
using TicketKeysPtr = std::shared_ptr<const TicketKeys>;

// session_ticket_keys: 80 bytes each, of which the first seals and each opens. Sessions can be
// resumed by whoever has the same keys and the same context.
absl::StatusOr<TicketKeysPtr>
readTicketKeys(const envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys& proto,
               const config::FieldPath& path);

// Keys of this process only, changed every `period` seconds; what was sealed with the one before
// still opens.
TicketKeysPtr makeRandomTicketKeys(int64_t periodSeconds = int64_t{24} * 60 * 60);

} // namespace moe::tls
