#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/sinks/null_sink.h>

#include "base/strings.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "net/loop_fixture.h"
#include "xds/subscription.h"
#include "xds/type_urls.h"

namespace moe::xds::test {

using envoy::service::discovery::v3::DeltaDiscoveryRequest;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;
using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;
using Names = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

inline base::LoggerPtr noLog() {
  return std::make_shared<base::Logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
}

// A route table whose content is told apart by one domain; "bad" is refused by TestConsumer.
inline google::protobuf::Any route(const std::string& name, const std::string& content = "") {
  envoy::config::route::v3::RouteConfiguration message;
  message.set_name(name);
  if (!content.empty()) {
    message.add_internal_only_headers(content);
  }
  google::protobuf::Any any;
  any.PackFrom(message);
  return any;
}

inline google::protobuf::Any cluster(const std::string& name, const std::string& content = "") {
  envoy::config::cluster::v3::Cluster message;
  message.set_name(name);
  message.set_alt_stat_name(content);
  google::protobuf::Any any;
  any.PackFrom(message);
  return any;
}

inline DiscoveryResponse response(const std::string& version,
                                  const std::vector<google::protobuf::Any>& resources) {
  DiscoveryResponse out;
  out.set_version_info(version);
  out.set_nonce("n" + version);
  for (const auto& resource : resources) {
    *out.add_resources() = resource;
  }
  return out;
}

struct DeltaResource {
  std::string name;
  std::string version;
  std::string content = {};
  bool body = true;
  Names aliases = {};
  int ttlSeconds = 0;
};

inline DeltaDiscoveryResponse delta(const std::string& nonce,
                                    const std::vector<DeltaResource>& resources,
                                    const Names& removed = {}) {
  DeltaDiscoveryResponse out;
  out.set_nonce(nonce);
  out.set_system_version_info("system-" + nonce);
  for (const DeltaResource& from : resources) {
    auto* to = out.add_resources();
    to->set_name(from.name);
    to->set_version(from.version);
    if (from.body) {
      *to->mutable_resource() = route(from.name, from.content);
    }
    for (const std::string& alias : from.aliases) {
      to->add_aliases(alias);
    }
    if (from.ttlSeconds > 0) {
      to->mutable_ttl()->set_seconds(from.ttlSeconds);
    }
  }
  for (const std::string& name : removed) {
    out.add_removed_resources(name);
  }
  return out;
}

template <class Repeated> Names namesOf(const Repeated& repeated) {
  return {repeated.begin(), repeated.end()};
}

// Keeps what it is given as a line each: "+name" and "-name"; refuses bodies that hold "bad".
class TestConsumer : public Consumer {
public:
  void onUpdate(const Update& update, Refusals& refusals) override {
    ++calls;
    for (const Resource& resource : update.changed) {
      if (resource.body.value().find("bad") != std::string::npos) {
        refusals.add(resource.name, "field: found bad, expected good");
        log.push_back("!" + std::string(resource.name));
      } else {
        log.push_back("+" + std::string(resource.name));
      }
    }
    for (const std::string& name : update.removed) {
      log.push_back("-" + name);
    }
    if (then) {
      then();
    }
  }
  Names take() { return std::exchange(log, {}); }

  int calls = 0;
  Names log;
  std::function<void()> then;
};

// What a watch was told, a word each: "present:version", "missing", "refused:error", "timeout".
class Told {
public:
  WatchCallback callback() {
    return [this](const WatchAnswer& answer) {
      switch (answer.kind) {
      case WatchAnswer::Kind::Present:
        log.push_back(answer.resource == nullptr ? "all" : "present:" + answer.resource->version);
        break;
      case WatchAnswer::Kind::Confirmed:
        return;
      case WatchAnswer::Kind::Missing:
        log.push_back("missing");
        break;
      case WatchAnswer::Kind::Refused:
        log.push_back(
            base::cat("refused:", answer.error,
                      answer.resource == nullptr ? "" : " keeps " + answer.resource->version));
        break;
      case WatchAnswer::Kind::TimedOut:
        log.push_back("timeout");
        break;
      }
      if (then) {
        then();
      }
    };
  }
  WatchOptions options(int timeoutMs = 0, SubscriptionStats* stats = nullptr) {
    return {.callback = callback(),
            .initialFetchTimeout = std::chrono::milliseconds(timeoutMs),
            .stats = stats};
  }
  Names take() { return std::exchange(log, {}); }
  Names log;
  std::function<void()> then;
};

} // namespace moe::xds::test
