// Any bytes as responses of a control plane, in both kinds: nothing crashes, a refusal is answered
// by a text within its limits, and what is held is what was accepted last. The first byte chooses
// the kind and who watches; then come responses, each with its length in two bytes.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <spdlog/sinks/null_sink.h>

#include "config/utf8.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "event/loop.h"
#include "xds/subscription.h"
#include "xds/type_urls.h"

namespace {

using namespace moe::xds;
namespace discovery = envoy::service::discovery::v3;

void require(bool ok) {
  if (!ok) {
    __builtin_trap();
  }
}

// Refuses by content, and holds what it took.
class Refuser final : public Consumer {
public:
  void onUpdate(const Update& update, Refusals& refusals) override {
    require(!update.changed.empty() || !update.removed.empty());
    for (const Resource& resource : update.changed) {
      require(!resource.name.empty());
      if (resource.body.value().size() % 3 == 2) {
        refusals.add(resource.name, resource.body.value());
      } else {
        held[std::string(resource.name)] = resource.body.value();
      }
    }
    for (const std::string& name : update.removed) {
      require(held.erase(name) == 1);
    }
  }
  moe::base::StringMap<std::string> held;
};

void checkAnswer(const google::protobuf::Message& request, bool delta) {
  const std::string& text =
      delta ? static_cast<const discovery::DeltaDiscoveryRequest&>(request).error_detail().message()
            : static_cast<const discovery::DiscoveryRequest&>(request).error_detail().message();
  require(text.size() <= NackText::kMaxBytes && moe::config::isUtf8(text));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const uint8_t flags = *data++;
  --size;
  const bool delta = (flags & 1) != 0;
  const std::string type((flags & 2) != 0 ? kClusterType : kRouteType);
  moe::event::Loop loop;
  Refuser consumer;
  auto logger =
      std::make_shared<moe::base::Logger>("fuzz", std::make_shared<spdlog::sinks::null_sink_mt>());
  Subscription subscription({.typeUrl = type,
                             .loop = loop,
                             .consumer = consumer,
                             .state = delta ? createDeltaState(type) : createSotwState(type),
                             .logger = logger});
  std::unique_ptr<Watch> all = (flags & 4) != 0 ? subscription.watchAll({}) : nullptr;
  std::unique_ptr<Watch> a = (flags & 8) != 0 ? subscription.watch("a", {}) : nullptr;
  std::unique_ptr<Watch> b = subscription.watch("b", {});
  subscription.onStreamStart();
  subscription.next();
  for (int i = 0; size > 2 && i < 20; ++i) {
    const size_t wanted = data[0] | (static_cast<size_t>(data[1]) << 8);
    data += 2;
    size -= 2;
    const size_t length = std::min(size, wanted);
    const auto response = subscription.newResponse();
    if (response->ParseFromArray(data, static_cast<int>(length))) {
      subscription.onResponse(*response);
      require(subscription.unanswered() == 1);
      const auto answer = subscription.next();
      require(answer != nullptr);
      checkAnswer(*answer, delta);
    }
    data += length;
    size -= length;
    if ((flags & 16) != 0 && i == 2) {
      a.reset();
      all.reset();
    }
    if ((flags & 32) != 0 && i == 3) {
      subscription.onStreamStart();
      subscription.next();
    }
    loop.runOnce();
    size_t accepted = 0;
    subscription.resources().forEach([&](const KeptResource& kept) {
      if (kept.accepted) {
        ++accepted;
        const auto held = consumer.held.find(kept.name);
        require(held != consumer.held.end() && held->second == kept.body.value());
      }
    });
    require(accepted == consumer.held.size());
  }
  return 0;
}
