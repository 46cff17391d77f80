#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "config/field_path.h"
#include "config/location_map.h"

namespace google::protobuf {
class Message;
class FieldDescriptor;
} // namespace google::protobuf

namespace moe::config {

/// One list of the fields that a library acts on. Each entry is one of
///   "envoy.config.listener.v3.Listener.name"  one field,
///   "envoy.config.core.v3.Address.*"          every field of a message (not of those inside it),
///   "google.rpc.Status.**"                    every field of a message and all below it.
/// Libraries declare theirs as `inline constexpr std::string_view kFields[] = {...};`.
using Claims = std::span<const std::string_view>;

/// Prefixes of full names whose neglect would open a door (authentication, authorization, TLS).
inline constexpr std::string_view kSecurityPrefixes[] = {
    "envoy.config.rbac.v3.",
    "envoy.extensions.filters.http.rbac.v3.",
    "envoy.extensions.filters.network.rbac.v3.",
    "envoy.extensions.filters.http.jwt_authn.v3.",
    "envoy.extensions.filters.http.ext_authz.v3.",
    "envoy.extensions.filters.network.ext_authz.v3.",
    "envoy.extensions.filters.http.basic_auth.v3.",
    "envoy.extensions.filters.http.api_key_auth.v3.",
    "envoy.extensions.filters.http.oauth2.v3.",
    "envoy.extensions.filters.http.csrf.v3.",
    "envoy.extensions.transport_sockets.tls.v3.",
};

/// A set field that nobody claims. `fullName` is the field's full .proto name, or the type URL of
/// an Any whose type is unknown, or `message.#number` for a field the compiled API does not know.
struct UncoveredField {
  FieldPath path;
  std::string fullName;
  std::optional<Location> location;

  /// `bootstrap.yaml:3:5: static_resources.x (envoy.config.y.z)`
  std::string str() const;
};

struct CoverageReport {
  std::vector<UncoveredField> ignored; ///< Set, without effect.
  std::vector<UncoveredField> refused; ///< Set, without effect, and of the security class.
  bool empty() const { return ignored.empty() && refused.empty(); }
};

/// The union of the claims of all libraries; built once by the server and passed down.
/// Immutable after the last add, and then safe to share between threads.
class Coverage {
public:
  explicit Coverage(std::span<const std::string_view> securityPrefixes = kSecurityPrefixes);
  Coverage(std::initializer_list<Claims> claims,
           std::span<const std::string_view> securityPrefixes = kSecurityPrefixes);

  void add(Claims claims);

  /// Walks `message` (through each Any of a known type, and through TypedStruct to the message it
  /// stands for) and returns each set field that is not claimed; nothing below such a field is
  /// listed on its own. `locations` may be null.
  CoverageReport walk(const google::protobuf::Message& message, const FieldPath& root = FieldPath(),
                      const LocationMap* locations = nullptr) const;

  /// True where the entry for the field, or one for its whole message, was added.
  bool claims(const google::protobuf::FieldDescriptor& field) const;
  /// Entries that name no field or message of the compiled API: misspellings, for a unit test.
  std::vector<std::string> unknownEntries() const;

private:
  friend class CoverageWalk;
  bool isSecurity(std::string_view fullName) const;

  absl::flat_hash_set<std::string> fields_;
  absl::flat_hash_set<std::string> messages_;
  absl::flat_hash_set<std::string> trees_;
  std::vector<std::string> security_;
};

} // namespace moe::config
