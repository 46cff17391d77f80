#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/listener/v3/listener_components.pb.h"
#include "net/socket_facts.h"

namespace moe::server {

// Which filter chain of a listener takes a connection (Envoy: FilterChainMatch).
//
// A tree with a level for each criterion, in Envoy's order: destination port, destination address,
// server name, transport protocol, application protocol, address of the peer, type of the source,
// address of the source, port of the source. At each level the most specific entry that fits is
// entered, and there is no way back: a connection that fails further down is not given to a wider
// entry beside it. Immutable; any thread.
class FilterChainMatcher {
public:
  using FilterChains = google::protobuf::RepeatedPtrField<envoy::config::listener::v3::FilterChain>;

  // `path` is that of the chains. Errors name the chain and the field; where two chains take the
  // same connections, both.
  static absl::StatusOr<FilterChainMatcher> compile(const FilterChains& chains,
                                                    const config::FieldPath& path);

  FilterChainMatcher(FilterChainMatcher&&) noexcept;
  FilterChainMatcher& operator=(FilterChainMatcher&&) noexcept;
  ~FilterChainMatcher();

  // The index of the chain; none: the default chain's. Allocates nothing.
  std::optional<size_t> find(const net::SocketFacts& facts) const;

private:
  class Tree;
  explicit FilterChainMatcher(std::unique_ptr<Tree> tree);
  std::unique_ptr<Tree> tree_;
};

} // namespace moe::server
