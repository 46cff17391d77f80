#include "proxy/local_reply_config.h"

#include "base/strings.h"
#include "config/load.h"
#include "header_fixture.h"
#include "proxy/local_reply.h"

namespace moe::proxy {
namespace {

class LocalReplyConfigTest : public test::HeaderTest {
protected:
  LocalReplyConfigTest() {
    headers_->add(":method", "GET");
    headers_->add(":path", "/a");
  }
  absl::Status load(const std::string& yaml) {
    LocalReplyConfig::Proto proto;
    EXPECT_EQ(config::loadText("l.yaml", yaml, proto), absl::OkStatus());
    auto compiled = LocalReplyConfig::compile(proto, config::FieldPath("l"), &runtime_);
    if (compiled.ok()) {
      config_ = *compiled;
    }
    return compiled.status();
  }
  // "status content-type content-length body".
  std::string reply(const http::LocalReply& reply) {
    response_->clear();
    base::Buffer body;
    fillLocalReply(reply, *config_, headers_.get(), info_, *response_, body, slab_);
    return base::cat(response_->status(), " ", get("content-type"), " ", get("content-length"), " ",
                     body.toString());
  }
  std::string get(std::string_view name) {
    return std::string(response_->get(name).value_or("none"));
  }
  // Knows one key.
  struct FakeRuntime final : config::Runtime {
    absl::StatusOr<config::RuntimeNumber> number(std::string_view key, uint64_t absent) override {
      if (!error.ok()) {
        return error;
      }
      return key == "x" ? config::RuntimeNumber(config::RuntimeValue(x))
                        : config::RuntimeNumber(absent);
    }
    absl::StatusOr<config::RuntimeRatio> ratio(std::string_view /*key*/,
                                               config::Ratio absent) override {
      return config::RuntimeRatio(absent);
    }
    std::shared_ptr<std::atomic<uint64_t>> x = std::make_shared<std::atomic<uint64_t>>(503);
    absl::Status error;
  } runtime_;
  std::shared_ptr<const LocalReplyConfig> config_;
  http::HeaderMapPtr response_ = pool_.make();
};

constexpr std::string_view kStatusIs503 =
    "status_code_filter: {comparison: {op: EQ, value: {default_value: 503, runtime_key: x}}}";

TEST_F(LocalReplyConfigTest, AnEmptyOneChangesNothing) {
  ASSERT_EQ(load("{}"), absl::OkStatus());
  EXPECT_EQ(reply({.status = 404}), "404 none 0 ");
  EXPECT_EQ(reply({.status = 503, .body = "x"}), "503 text/plain 1 x");
  EXPECT_EQ(reply({.status = 204, .body = "x"}), "204 none none ");
  EXPECT_EQ(reply({.status = 403,
                   .body = "{}",
                   .modifyHeaders =
                       [](http::HeaderMap& h) { h.set("content-type", "application/json"); }}),
            "403 application/json 2 {}");
}

TEST_F(LocalReplyConfigTest, TheRuntimeMaySayWhichStatus) {
  const std::string yaml = base::cat("mappers: [{filter: {", kStatusIs503, "}, status_code: 400}]");
  ASSERT_EQ(load(yaml), absl::OkStatus());
  EXPECT_EQ(reply({.status = 503}), "400 none 0 ");
  *runtime_.x = 404; // and it may say so later
  EXPECT_EQ(reply({.status = 404}), "400 none 0 ");
  EXPECT_EQ(reply({.status = 503}), "503 none 0 ");
  runtime_.error = absl::InvalidArgumentError("bad");
  EXPECT_EQ(load(yaml), absl::InvalidArgumentError("bad"));
}

TEST_F(LocalReplyConfigTest, TheFirstMapperThatFitsChangesAllParts) {
  ASSERT_EQ(load(base::cat("mappers:\n- filter: {", kStatusIs503,
                           "}\n  status_code: 401\n  body: {inline_string: other}\n"
                           "  headers_to_add: [{header: {key: x-was, value: '%RESPONSE_CODE%'}}]\n"
                           "- filter: {header_filter: {header: {name: ':path', string_match: "
                           "{exact: /a}}}}\n  status_code: 402\n")),
            absl::OkStatus());
  EXPECT_EQ(reply({.status = 503, .body = "x"}), "401 text/plain 5 other");
  EXPECT_EQ(get("x-was"), "503");
  EXPECT_EQ(info_.responseCode, 401u);
  EXPECT_EQ(reply({.status = 500, .body = "x"}), "402 text/plain 1 x");
  headers_->set(":path", "/b");
  EXPECT_EQ(reply({.status = 500, .body = "x"}), "500 text/plain 1 x");
}

TEST_F(LocalReplyConfigTest, BodiesAreFormatted) {
  ASSERT_EQ(load(base::cat("mappers:\n- filter: {", kStatusIs503,
                           "}\n  body_format_override: {json_format: {code: '%RESPONSE_CODE%', "
                           "message: '%LOCAL_REPLY_BODY%', path: '%REQ(:PATH)%'}}\n"
                           "body_format: {text_format: '<%LOCAL_REPLY_BODY%|%RESPONSE_CODE%>', "
                           "content_type: text/html}\n")),
            absl::OkStatus());
  EXPECT_EQ(reply({.status = 503, .body = "a\"b"}),
            "503 application/json 42 {\"code\":503,\"message\":\"a\\\"b\",\"path\":\"/a\"}\n");
  EXPECT_EQ(reply({.status = 404}), "404 text/html 6 <|404>");
  headers_->set(":method", "HEAD");
  EXPECT_EQ(reply({.status = 404}), "404 text/html 6 ");
}

TEST_F(LocalReplyConfigTest, AGrpcClientGetsStatusAndMessage) {
  ASSERT_EQ(load(base::cat("mappers:\n- filter: {", kStatusIs503,
                           "}\n  status_code: 401\n  body: {inline_string: 'who?'}\n")),
            absl::OkStatus());
  headers_->set("content-type", "application/grpc");
  EXPECT_EQ(reply({.status = 503, .body = "x"}), "200 application/grpc none ");
  EXPECT_EQ(get("grpc-status") + get("grpc-message"), "16who?");
  EXPECT_EQ(reply({.status = 504, .body = "x", .grpcStatus = 4}), "200 application/grpc none ");
  EXPECT_EQ(get("grpc-status") + get("grpc-message"), "4x");
}

TEST_F(LocalReplyConfigTest, FiltersAreAccessLogFilters) {
  ASSERT_EQ(load("mappers:\n"
                 "- filter: {and_filter: {filters: [{response_flag_filter: {flags: [UH, NR]}}, "
                 "{status_code_filter: {comparison: {op: GE, value: {default_value: 500, "
                 "runtime_key: x}}}}]}}\n"
                 "  status_code: 599\n"),
            absl::OkStatus());
  EXPECT_EQ(reply({.status = 503, .body = "x"}), "503 text/plain 1 x");
  info_.setFlag(http::ResponseFlag::NoHealthyUpstream);
  EXPECT_EQ(reply({.status = 503, .body = "x"}), "599 text/plain 1 x");
  EXPECT_EQ(reply({.status = 404, .body = "x"}), "404 text/plain 1 x");
}

TEST_F(LocalReplyConfigTest, ErrorsNameTheField) {
  EXPECT_EQ(base::message(load("mappers: [{filter: {traceable_filter: {}}}]")),
            "l.mappers[0].filter: found traceable_filter, expected status_code_filter, "
            "duration_filter, header_filter, response_flag_filter, grpc_status_filter, and_filter "
            "or or_filter");
  EXPECT_EQ(base::message(load("body_format: {text_format: '%NONE%'}")).substr(0, 14),
            "l.body_format:");
}

} // namespace
} // namespace moe::proxy
