#include "config/fake_source.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "proxy/hcm_config.h"
#include "server/listener_fixture.h"

namespace moe::server {
namespace {

using envoy::extensions::filters::http::router::v3::Router;
using test::Client;
using test::ListenerManagerTest;
using test::Proto;
using test::StringValue;
using testing::HasSubstr;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr char kStringType[] = "type.googleapis.com/google.protobuf.StringValue";

// A filter that answers with its text; "wait" waits for a body first. "wrong" is an error.
class AnswerConfig final : public proxy::HttpFilterConfig {
public:
  absl::StatusOr<http::FilterFactoryPtr> compile(const std::string& /*name*/,
                                                 const google::protobuf::Message& config,
                                                 const config::FieldPath& path,
                                                 const proxy::FactoryContext&) override {
    const std::string& text = static_cast<const StringValue&>(config).value();
    if (text == "wrong") {
      return config::fieldError(path.field("value"), "wrong", "right");
    }
    return std::make_shared<const Factory>(text);
  }
  absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>>
  compileRoute(const std::string&, const google::protobuf::Message&, const config::FieldPath&,
               const proxy::FactoryContext&) override {
    return nullptr;
  }

private:
  // Refers to its factory, which must stay as long.
  struct Filter final : http::StreamFilter {
    explicit Filter(const std::string& t) : text(t) {}
    void setDecoderCallbacks(http::DecoderFilterCallbacks& c) override { callbacks = &c; }
    void setEncoderCallbacks(http::EncoderFilterCallbacks&) override {}
    http::HeadersStatus decodeHeaders(http::HeaderMap&, bool end) override {
      if (end) {
        callbacks->sendLocalReply({.status = 200, .body = text});
      }
      return http::HeadersStatus::StopIteration;
    }
    http::DataStatus decodeData(base::Buffer&, bool end) override {
      if (end) {
        callbacks->sendLocalReply({.status = 200, .body = text});
      }
      return http::DataStatus::StopIterationNoBuffer;
    }
    void onDestroy() override {}
    const std::string& text;
    http::DecoderFilterCallbacks* callbacks = nullptr;
  };
  struct Factory final : http::FilterFactory {
    explicit Factory(std::string t) : text(std::move(t)) {}
    std::unique_ptr<http::StreamFilter> createFilter(event::Worker&) const override {
      return std::make_unique<Filter>(text);
    }
    const std::string text;
  };
};

class EcdsListenerTest : public ListenerManagerTest {
protected:
  EcdsListenerTest() {
    EXPECT_TRUE(networkFilters
                    .add(std::string(proxy::HttpConnectionManagerProto::descriptor()->full_name()),
                         std::make_unique<proxy::HcmFilterConfig>())
                    .ok());
    EXPECT_TRUE(
        httpFilters.add("google.protobuf.StringValue", std::make_unique<AnswerConfig>()).ok());
    EXPECT_TRUE(
        httpFilters.add("google.protobuf.BoolValue", std::make_unique<AnswerConfig>()).ok());
    context.namedFilters = &filters;
  }
  ~EcdsListenerTest() override {
    end();
    main.runOnce();
  }
  void begin() {
    start();
    for (auto& each : workers) {
      loops.add(each->loop());
    }
  }
  using Discovery = envoy::config::core::v3::ExtensionConfigSource;
  static Discovery discovery(const std::string& byDefault = "") {
    Discovery out;
    out.mutable_config_source()->mutable_ads();
    out.add_type_urls(kStringType);
    if (!byDefault.empty()) {
      StringValue value;
      value.set_value(byDefault);
      out.mutable_default_config()->PackFrom(value);
    }
    return out;
  }
  static Proto http(const Discovery& discovery) {
    proxy::HttpConnectionManagerProto manager;
    manager.set_stat_prefix("h");
    manager.mutable_route_config()->set_name("none");
    auto& named = *manager.add_http_filters();
    named.set_name("f");
    *named.mutable_config_discovery() = discovery;
    auto& router = *manager.add_http_filters();
    router.set_name("router");
    router.mutable_typed_config()->PackFrom(Router());
    Proto out = listener("l", "");
    auto& chain = *out.mutable_default_filter_chain();
    chain.clear_filters();
    auto& filter = *chain.add_filters();
    filter.set_name("http");
    filter.mutable_typed_config()->PackFrom(manager);
    return out;
  }
  std::string send(const google::protobuf::Message& config) {
    envoy::config::core::v3::TypedExtensionConfig proto;
    proto.set_name("f");
    proto.mutable_typed_config()->PackFrom(config);
    const absl::Status status = fake.receivers.at("f")->onResource(proto);
    return std::string(base::message(status));
  }
  std::string send(const std::string& text) {
    StringValue value;
    value.set_value(text);
    return send(value);
  }
  bool answers(Client& client, const std::string& end) {
    return until([&] { return client.received.ends_with(end); }, {&client});
  }

  event::WorkerLoops loops;
  config::test::FakeSource<envoy::config::core::v3::TypedExtensionConfig> fake;
  proxy::NamedFilters filters{{.source = &fake,
                               .mainLoop = main,
                               .workers = loops,
                               .concurrency = 2,
                               .stats = stats,
                               .logger = logger}};
};

TEST_F(EcdsListenerTest, AListenerWaitsForItsFilterAndNewRequestsUseWhatIsThere) {
  begin();
  ASSERT_EQ(put(http(discovery())), "");
  EXPECT_EQ(addressOf("l"), nullptr);
  ASSERT_EQ(send("first"), "");
  auto one = client("l");
  one->send(kRequest);
  ASSERT_TRUE(answers(*one, "first"));
  auto begun = client("l");
  begun->send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n");
  ASSERT_TRUE(until([&] { return stats.findGauge("http.h.downstream_rq_active")->value() == 1; }));
  ASSERT_EQ(send("second"), "");
  settle();
  one->send(kRequest); // the same connection
  EXPECT_TRUE(answers(*one, "second"));
  EXPECT_EQ(send("wrong"), "typed_config.value: found wrong, expected right");
  settle();
  one->send(kRequest);
  EXPECT_TRUE(until(
      [&] {
        return one->received.find("second", one->received.find("second") + 1) != std::string::npos;
      },
      {one.get()}));
  begun->send("x");
  EXPECT_TRUE(answers(*begun, "first")); // what has begun ends as it began
}

TEST_F(EcdsListenerTest, WithoutAConfigurationRequestsAreAnsweredWith500) {
  begin();
  ASSERT_EQ(put(http(discovery())), "");
  fake.receivers.at("f")->onAbsent();
  auto one = client("l");
  one->send(kRequest);
  ASSERT_TRUE(
      until([&] { return one->received.find("\r\n\r\n") != std::string::npos; }, {one.get()}));
  EXPECT_THAT(one->received, HasSubstr("HTTP/1.1 500 "));
  ASSERT_EQ(send("late"), "");
  settle();
  one->send(kRequest);
  EXPECT_TRUE(answers(*one, "late"));
}

TEST_F(EcdsListenerTest, ADefaultMayServeWithoutWaiting) {
  begin();
  auto wish = discovery("default");
  wish.set_apply_default_config_without_warming(true);
  ASSERT_EQ(put(http(wish)), "");
  auto one = client("l");
  one->send(kRequest);
  EXPECT_TRUE(answers(*one, "default"));
}

TEST_F(EcdsListenerTest, OnlyTypesThatAreNamedMayCome) {
  begin();
  ASSERT_EQ(put(http(discovery())), "");
  EXPECT_THAT(send(google::protobuf::BoolValue()),
              HasSubstr("typed_config: found \"google.protobuf.BoolValue\", expected "
                        "\"google.protobuf.StringValue\""));
  EXPECT_THAT(send(Router()), HasSubstr("typed_config"));
}

TEST_F(EcdsListenerTest, WhatCannotBeIsRefusedByField) {
  begin();
  const std::string at =
      "default_filter_chain.filters[0].typed_config.http_filters[0].config_discovery.";
  auto wish = discovery();
  wish.add_type_urls("type.googleapis.com/" + Router::descriptor()->full_name());
  EXPECT_EQ(put(http(wish)),
            at + "type_urls[1]: found the router, expected a filter that is not the last one");
  wish.set_type_urls(1, "type.googleapis.com/google.protobuf.Empty");
  EXPECT_THAT(put(http(wish)), HasSubstr(at + "type_urls[1]: "));
  wish = discovery();
  wish.set_apply_default_config_without_warming(true);
  EXPECT_THAT(put(http(wish)), HasSubstr("without default_config, expected both or neither"));
  wish = discovery("wrong");
  EXPECT_EQ(put(http(wish)), at + "default_config.value: found wrong, expected right");
}

} // namespace
} // namespace moe::server
