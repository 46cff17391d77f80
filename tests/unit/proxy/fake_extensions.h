#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "proxy/ecds.h"

namespace moe::proxy::test {

// The test is the control plane.
class FakeExtensions final : public ExtensionSource {
public:
  absl::StatusOr<std::unique_ptr<Watch>> watch(const envoy::config::core::v3::ConfigSource& source,
                                               const std::string& name, Receiver& receiver,
                                               const config::FieldPath& path,
                                               const stats::Scope& /*scope*/) override {
    if (!source.has_ads()) {
      return config::fieldError(path, "something else", "ads");
    }
    receivers[name] = &receiver;
    ++watches;
    return std::make_unique<Entry>(receivers, name);
  }
  std::map<std::string, Receiver*> receivers;
  int watches = 0;

private:
  struct Entry final : Watch {
    Entry(std::map<std::string, Receiver*>& r, std::string n) : receivers(r), name(std::move(n)) {}
    ~Entry() override { receivers.erase(name); }
    std::map<std::string, Receiver*>& receivers;
    const std::string name;
  };
};

} // namespace moe::proxy::test
