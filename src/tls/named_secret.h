#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/resource_source.h"
#include "config/warming.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "event/slot.h"
#include "tls/context_factory.h"

namespace moe::tls {

using SecretSource = config::ResourceSource<envoy::extensions::transport_sockets::tls::v3::Secret>;
using SecretPtr = std::shared_ptr<const envoy::extensions::transport_sockets::tls::v3::Secret>;

class NamedSecret;

// A context that uses secrets which come by name. Main thread.
class SecretUser {
public:
  virtual ~SecretUser() = default;
  // The secret is there, or has changed: what becomes of it goes to `changes`. An error refuses it;
  // the user goes on with what it has. Adds no users.
  virtual absl::Status onSecret(const NamedSecret& secret, const SecretPtr& value,
                                event::SlotChanges& changes) = 0;
  // A secret is known, or known not to come: a wait that is over with it is moved to `ended`.
  virtual void onKnown(std::vector<config::Warming::Hold>& ended) = 0;
};

// A secret that comes and changes by name (SDS): one for all contexts that name it with the same
// sds_config. Main thread.
//
// One that is wrong in itself is refused, and so is one that a user cannot compile its context
// with. All users are asked: those that can take it do, so that a single odd context does not keep
// the old certificate in thousands of others until it expires. The source is told the first error.
class NamedSecret final : public SecretSource::Receiver {
public:
  // All of it outlives the secret.
  struct Environment {
    SecretSource& source;
    const event::WorkerLoops& workers;
    ContextFactory& contexts;
    stats::Scope scope; // "sds."
  };

  NamedSecret(const Environment& environment, std::string name)
      : environment_(environment), name_(std::move(name)) {}

  // Before start(), or later. Users are removed before they end.
  void add(SecretUser& user) { users_.push_back(&user); }
  void remove(SecretUser& user) { std::erase(users_, &user); }
  // Begins to watch; once. Errors name the field of `source` below `path`.
  absl::Status start(const envoy::config::core::v3::ConfigSource& source,
                     const config::FieldPath& path);

  // Null: none has come yet that anybody could use.
  const SecretPtr& latest() const { return latest_; }
  // One has come, or is known not to come.
  bool known() const { return known_; }

  absl::Status
  onResource(const envoy::extensions::transport_sockets::tls::v3::Secret& resource) override;
  void onAbsent() override;

private:
  absl::Status offer(const SecretPtr& value);
  void becomeKnown();

  const Environment& environment_;
  const std::string name_;
  std::vector<SecretUser*> users_;
  SecretPtr latest_;
  std::shared_ptr<const void> compiled_; // of `latest_`: its users share it
  bool known_ = false;
  bool started_ = false;
  std::unique_ptr<SecretSource::Watch> watch_;
};

} // namespace moe::tls
