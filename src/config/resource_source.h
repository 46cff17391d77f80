#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/config_source.pb.h"
#include "stats/stats.h"

namespace moe::config {

// Where named resources of one kind (endpoints, routes, secrets) come from and change: the xDS
// client, as those below it in the order of libraries see it. Main thread.
template <class Message> class ResourceSource {
public:
  class Receiver {
  public:
    // An error refuses it, and changes nothing.
    virtual absl::Status onResource(const Message& resource) = 0;
    // The same has come again.
    virtual void onConfirmed() {}
    // None came in time, or it was taken away.
    virtual void onAbsent() = 0;

  protected:
    ~Receiver() = default;
  };
  // Destroyed by the receiver's owner, maybe inside one of its calls; no call comes after that.
  class Watch {
  public:
    virtual ~Watch() = default;
  };

  virtual ~ResourceSource() = default;
  // Errors name the field of `source` below `path`. The receiver may be called at once. `scope`:
  // of update_success and the like, which are those of whoever watches.
  virtual absl::StatusOr<std::unique_ptr<Watch>>
  watch(const envoy::config::core::v3::ConfigSource& source, const std::string& name,
        Receiver& receiver, const FieldPath& path, const stats::Scope& scope) = 0;
};

} // namespace moe::config
