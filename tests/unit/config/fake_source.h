#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "config/resource_source.h"

namespace moe::config::test {

// The test is the control plane: it calls whoever watches a name. `ads` is the only source.
template <class Message> class FakeSource : public ResourceSource<Message> {
public:
  using typename ResourceSource<Message>::Receiver;
  using typename ResourceSource<Message>::Watch;

  absl::StatusOr<std::unique_ptr<Watch>> watch(const envoy::config::core::v3::ConfigSource& source,
                                               const std::string& name, Receiver& receiver,
                                               const FieldPath& path,
                                               const stats::Scope& scope) override {
    if (!source.has_ads()) {
      return fieldError(path, "something else", "ads");
    }
    ++watches;
    prefix = scope.prefix();
    receivers[name] = &receiver;
    auto entry = std::make_unique<Entry>(receivers, name, receiver);
    if (const auto found = present.find(name); found != present.end()) {
      answer = receiver.onResource(found->second);
    }
    return entry;
  }

  std::map<std::string, Receiver*> receivers;
  std::map<std::string, Message> present; // what a watch is told at once
  absl::Status answer;                    // to that
  std::string prefix;                     // of the last watch's statistics
  int watches = 0;

private:
  using Receivers = std::map<std::string, Receiver*>;
  struct Entry final : Watch {
    Entry(Receivers& r, std::string n, Receiver& one)
        : receivers(r), name(std::move(n)), receiver(one) {}
    ~Entry() override {
      // Else a newer one has its place.
      if (const auto found = receivers.find(name);
          found != receivers.end() && found->second == &receiver) {
        receivers.erase(found);
      }
    }
    Receivers& receivers;
    const std::string name;
    Receiver& receiver;
  };
};

} // namespace moe::config::test
