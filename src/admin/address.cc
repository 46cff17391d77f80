#include "admin/address.h"

namespace moe::admin {

envoy::config::core::v3::Address toProto(const net::Address& address) {
  envoy::config::core::v3::Address out;
  if (!address.isIp()) {
    out.mutable_pipe()->set_path(address.asString());
    return out;
  }
  out.mutable_socket_address()->set_address(address.ip());
  out.mutable_socket_address()->set_port_value(address.port());
  return out;
}

} // namespace moe::admin
