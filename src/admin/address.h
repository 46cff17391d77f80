#pragma once

#include "envoy/config/core/v3/address.pb.h"
#include "net/address.h"

namespace moe::admin {

// An address as Envoy's API says it.
envoy::config::core::v3::Address toProto(const net::Address& address);

} // namespace moe::admin
