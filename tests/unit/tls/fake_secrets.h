#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/resource_source.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"

namespace moe::tls::test {

// A control plane's secrets: the test sends them.
class FakeSecrets final
    : public config::ResourceSource<envoy::extensions::transport_sockets::tls::v3::Secret> {
public:
  using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;

  absl::StatusOr<std::unique_ptr<Watch>> watch(const envoy::config::core::v3::ConfigSource& source,
                                               const std::string& name, Receiver& receiver,
                                               const config::FieldPath& path,
                                               const stats::Scope& scope) override {
    if (!source.has_ads()) {
      return config::fieldError(path, "something else", "ads");
    }
    ++watches;
    prefix = scope.prefix();
    receivers[name] = &receiver;
    auto entry = std::make_unique<Entry>(*this, name);
    if (const auto found = present.find(name); found != present.end()) {
      answer = receiver.onResource(found->second);
    }
    return entry;
  }
  absl::Status send(const Secret& secret) {
    return receivers.at(secret.name())->onResource(secret);
  }

  std::map<std::string, Receiver*> receivers;
  std::map<std::string, Secret> present; // what a watch is told at once
  absl::Status answer;                   // to that
  std::string prefix;                    // of the last watch's statistics
  int watches = 0;

private:
  struct Entry final : Watch {
    Entry(FakeSecrets& o, std::string n) : owner(o), name(std::move(n)) {}
    ~Entry() override { owner.receivers.erase(name); }
    FakeSecrets& owner;
    const std::string name;
  };
};

} // namespace moe::tls::test
