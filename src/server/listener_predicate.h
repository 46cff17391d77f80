#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/listener/v3/listener_components.pb.h"
#include "net/address.h"

namespace moe::server {

// A condition on where a connection is going (Envoy: ListenerFilterChainMatchPredicate). Immutable;
// any thread.
class ListenerPredicate {
public:
  using Proto = envoy::config::listener::v3::ListenerFilterChainMatchPredicate;
  static absl::StatusOr<ListenerPredicate> compile(const Proto& proto,
                                                   const config::FieldPath& path);
  bool matches(const net::Address& destination) const;

private:
  enum class Kind { Any, Not, Or, And, PortRange };
  Kind kind_ = Kind::Any;
  std::vector<ListenerPredicate> rules_;
  int32_t start_ = 0; // of a port range
  int32_t end_ = 0;   // behind its last
};

} // namespace moe::server
