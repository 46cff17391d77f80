#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "google/protobuf/any.pb.h"

namespace moe::xds {

class Subscription;

// A resource that is new or differs from the one that was accepted last.
struct Resource {
  std::string_view name;
  std::string_view version;
  const google::protobuf::Any& body; // of the type that was subscribed to
  std::span<const std::string> aliases;
};

// The changes of one response. Everything in it lives until onUpdate returns.
struct Update {
  std::span<const Resource> changed; // in the order of the response
  std::span<const std::string> removed;
  const Subscription* from = nullptr; // one consumer may serve several sources
};

// The resources of an update that cannot be used. Those that are not named here are taken.
class Refusals {
public:
  // `text`: `field path: found ..., expected ...`; it goes to the control plane.
  void add(std::string_view name, std::string_view text) {
    errors_.emplace_back(std::string(name), std::string(text));
  }
  // What may be taken another time, since more than its bytes were looked at (a port in use, a
  // file, a cluster that is not there): the same bytes are tried again when they come again.
  void addPassing(std::string_view name, std::string_view text) {
    add(name, text);
    passing_.emplace_back(name);
  }
  bool mayPass(std::string_view name) const {
    return std::find(passing_.begin(), passing_.end(), name) != passing_.end();
  }
  bool empty() const { return errors_.empty(); }
  const std::vector<std::pair<std::string, std::string>>& errors() const { return errors_; }

private:
  std::vector<std::pair<std::string, std::string>> errors_;
  std::vector<std::string> passing_;
};

// Whoever knows what the resources of one type mean. Main thread.
//
// It gets each change once: bytes that are the same as those accepted, or as those refused last, do
// not come here. A resource that is refused leaves the one before it in place. It may watch and
// unwatch resources of any type from inside onUpdate, but must not destroy the subscription.
class Consumer {
public:
  virtual ~Consumer() = default;
  virtual void onUpdate(const Update& update, Refusals& refusals) = 0;
};

} // namespace moe::xds
