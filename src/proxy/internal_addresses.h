#pragma once

#include <netinet/in.h>

#include <array>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "net/address.h"

namespace moe::proxy {

// Which clients count as internal (internal_address_config). By default none, as in Envoy since
// 1.33: a private address may be anybody's. Immutable; any thread.
class InternalAddresses {
public:
  using Proto = envoy::extensions::filters::network::http_connection_manager::v3::
      HttpConnectionManager::InternalAddressConfig;

  InternalAddresses() = default;
  static absl::StatusOr<InternalAddresses> compile(const Proto& proto,
                                                   const config::FieldPath& path);
  bool contains(const net::Address& address) const;

private:
  struct Range {
    int family;
    std::array<uint8_t, 16> bytes;
    uint32_t bits;
  };
  bool unixSockets_ = false;
  std::vector<Range> ranges_;
};

} // namespace moe::proxy
