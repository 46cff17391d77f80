#include "route/route_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "config/load.h"

namespace moe::route {
namespace {

class RouteTableTest : public testing::Test {
protected:
  absl::Status load(const std::string& yaml) {
    envoy::config::route::v3::RouteConfiguration proto;
    EXPECT_EQ(config::loadText("r.yaml", yaml, proto), absl::OkStatus());
    RouteTableContext context;
    context.clusterExists = [](std::string_view name) { return name != "missing"; };
    auto table = compileRouteTable(proto, context, "rc");
    if (table.ok()) {
      table_ = *table;
    }
    return table.status();
  }
  http::HeaderMapPtr request(std::string_view authority, std::string_view path,
                             const std::map<std::string, std::string>& headers = {},
                             std::string_view method = "GET") {
    http::HeaderMapPtr map = pool_.make();
    map->add(http::HeaderId::Method, method);
    map->add(http::HeaderId::Authority, authority);
    map->add(http::HeaderId::Path, path);
    map->add(http::HeaderId::Scheme, "http");
    for (const auto& [name, value] : headers) {
      map->add(name, value);
    }
    return map;
  }
  std::string cluster(std::string_view authority, std::string_view path,
                      const std::map<std::string, std::string>& headers = {}, uint64_t random = 0) {
    auto map = request(authority, path, headers);
    const Route* route = table_->match(*map, info_, random);
    return route == nullptr ? "none" : std::string(route->clusterFor(*map));
  }

  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  http::HeaderMapPool pool_{slab_};
  http::StreamInfo info_;
  RouteTablePtr table_;
};

std::string hosts(const std::string& list) { return "virtual_hosts:\n" + list; }
std::string host(const std::string& name, const std::string& domains) {
  return "- {name: " + name + ", domains: [" + domains +
         "], routes: [{match: {prefix: /}, route: {cluster: " + name + "}}]}\n";
}

TEST_F(RouteTableTest, DomainsInOrderOfPrecision) {
  ASSERT_EQ(load(hosts(host("any", "'*'") + host("exact", "a.example.com") +
                       host("suffix", "'*.example.com'") + host("longer", "'*.b.example.com'") +
                       host("prefix", "'www.*'"))),
            absl::OkStatus());
  EXPECT_EQ(cluster("a.example.com", "/"), "exact");
  EXPECT_EQ(cluster("A.Example.COM", "/"), "exact");
  EXPECT_EQ(cluster("x.example.com", "/"), "suffix");
  EXPECT_EQ(cluster("x.b.example.com", "/"), "longer");
  EXPECT_EQ(cluster(".example.com", "/"), "any"); // the star stands for something
  EXPECT_EQ(cluster("www.example.org", "/"), "prefix");
  EXPECT_EQ(cluster("other", "/"), "any");
  EXPECT_EQ(cluster("a.example.com:80", "/"), "any"); // the port counts
}

TEST_F(RouteTableTest, PortsCanBeIgnored) {
  ASSERT_EQ(load("ignore_port_in_host_matching: true\n" + hosts(host("a", "a.com, '[::1]'"))),
            absl::OkStatus());
  EXPECT_EQ(cluster("a.com:8080", "/"), "a");
  EXPECT_EQ(cluster("[::1]:8080", "/"), "a");
  EXPECT_EQ(cluster("[::1]", "/"), "a");
}

TEST_F(RouteTableTest, PathsInOrder) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - {match: {path: /exact}, route: {cluster: exact}}
  - {match: {path_separated_prefix: /api/v1}, route: {cluster: separated}}
  - {match: {safe_regex: {regex: '/re/[0-9]+'}}, route: {cluster: regex}}
  - {match: {prefix: /CASE, case_sensitive: false}, route: {cluster: folded}}
  - {match: {prefix: /p}, route: {cluster: prefix}}
)"),
            absl::OkStatus());
  EXPECT_EQ(cluster("h", "/exact?x=/p"), "exact");
  EXPECT_EQ(cluster("h", "/exactly"), "none");
  EXPECT_EQ(cluster("h", "/api/v1"), "separated");
  EXPECT_EQ(cluster("h", "/api/v1/x"), "separated");
  EXPECT_EQ(cluster("h", "/api/v10"), "none");
  EXPECT_EQ(cluster("h", "/re/12"), "regex");
  EXPECT_EQ(cluster("h", "/re/12x"), "none"); // the whole path must fit
  EXPECT_EQ(cluster("h", "/case/x"), "folded");
  EXPECT_EQ(cluster("h", "/pq"), "prefix");
}

TEST_F(RouteTableTest, HeadersAndQuery) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - match: {prefix: /, headers: [{name: X-Range, range_match: {start: 1, end: 10}}]}
    route: {cluster: range}
  - match: {prefix: /, headers: [{name: x-a, string_match: {exact: one}}, {name: x-b, present_match: true}]}
    route: {cluster: both}
  - match: {prefix: /, headers: [{name: x-not, string_match: {prefix: no}, invert_match: true, treat_missing_header_as_empty: false}]
      , query_parameters: [{name: q, string_match: {suffix: z}}]}
    route: {cluster: inverted}
  - match: {prefix: /, headers: [{name: x-gone, present_match: false}], query_parameters: [{name: k, present_match: true}]}
    route: {cluster: absent}
)"),
            absl::OkStatus());
  EXPECT_EQ(cluster("h", "/", {{"x-range", "9"}}), "range");
  EXPECT_EQ(cluster("h", "/", {{"x-range", "10"}}), "none");
  EXPECT_EQ(cluster("h", "/", {{"x-range", "9x"}}), "none");
  EXPECT_EQ(cluster("h", "/", {{"x-a", "one"}, {"x-b", ""}}), "both");
  EXPECT_EQ(cluster("h", "/", {{"x-a", "one"}}), "none");
  EXPECT_EQ(cluster("h", "/?q=xyz"), "none"); // x-not must be there to be another
  EXPECT_EQ(cluster("h", "/?q=xyz", {{"x-not", "yes"}}), "inverted");
  EXPECT_EQ(cluster("h", "/?q=xyz", {{"x-not", "nope"}}), "none");
  EXPECT_EQ(cluster("h", "/?a=1&k"), "absent");
  EXPECT_EQ(cluster("h", "/?a=1&k", {{"x-gone", "1"}}), "none");
}

TEST_F(RouteTableTest, InvertedHeaderMatches) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - match: {path: /absent, headers: [{name: x, present_match: true, invert_match: true}]}
    route: {cluster: fits}
  - match: {path: /present, headers: [{name: x, present_match: false, invert_match: true}]}
    route: {cluster: fits}
  - match: {path: /empty, headers: [{name: x, string_match: {exact: a}, invert_match: true, treat_missing_header_as_empty: true}]}
    route: {cluster: fits}
  - match: {path: /regex, headers: [{name: x, string_match: {safe_regex: {regex: a}}, invert_match: true}]}
    route: {cluster: fits}
  - match: {path: /range, headers: [{name: x, range_match: {start: 1, end: 10}, invert_match: true}]}
    route: {cluster: fits}
)"),
            absl::OkStatus());
  const auto fits = [&](std::string_view path) {
    return std::string(cluster("h", path) == "fits" ? "y" : "n") +
           (cluster("h", path, {{"x", "a"}}) == "fits" ? "y" : "n") +
           (cluster("h", path, {{"x", "b"}}) == "fits" ? "y" : "n");
  };
  // Without the header, with a, with b.
  EXPECT_EQ(fits("/absent"), "ynn");
  EXPECT_EQ(fits("/present"), "nyy");
  EXPECT_EQ(fits("/empty"), "yny");
  EXPECT_EQ(fits("/regex"), "nny");
  EXPECT_EQ(fits("/range"), "nyy");
}

TEST_F(RouteTableTest, WeightedClustersFollowTheirWeights) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - match: {prefix: /}
    route: {weighted_clusters: {clusters: [{name: a, weight: 10}, {name: b, weight: 0}, {name: c, weight: 90}]}}
)"),
            absl::OkStatus());
  base::Random random(3);
  std::map<std::string, int> counts;
  for (int i = 0; i < 10'000; ++i) {
    ++counts[cluster("h", "/", {}, random.next())];
  }
  EXPECT_EQ(counts.count("b"), 0u);
  EXPECT_GT(counts["a"], 850);
  EXPECT_LT(counts["a"], 1150);
}

TEST_F(RouteTableTest, ClusterHeader) {
  ASSERT_EQ(load(hosts("- {name: h, domains: ['*'], routes: [{match: {prefix: /}, route: "
                       "{cluster_header: X-To}}]}")),
            absl::OkStatus());
  EXPECT_EQ(cluster("h", "/", {{"x-to", "there"}}), "there");
  EXPECT_EQ(cluster("h", "/"), "");
}

TEST_F(RouteTableTest, RewritesAndMutations) {
  ASSERT_EQ(load(R"(
request_headers_to_add: [{header: {key: x-level, value: table}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
virtual_hosts:
- name: h
  domains: ['*']
  request_headers_to_remove: [x-secret]
  routes:
  - match: {prefix: /old/}
    route: {cluster: a, prefix_rewrite: /new/, host_rewrite_literal: rewritten.example}
    request_headers_to_add:
    - {header: {key: x-level, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
    - {header: {key: x-path, value: 'was %REQ(:path)%'}}
    response_headers_to_add: [{header: {key: x-code, value: '%RESPONSE_CODE%'}}]
  - match: {safe_regex: {regex: /re/.*}}
    route: {cluster: a, regex_rewrite: {pattern: {regex: '/re/([a-z]+)'}, substitution: '/\1/x'}}
)"),
            absl::OkStatus());
  auto map = request("h", "/old/p?q=1", {{"x-secret", "s"}});
  const Route* route = table_->match(*map, info_, 0);
  ASSERT_NE(route, nullptr);
  route->finalizeRequestHeaders(*map, info_);
  EXPECT_EQ(map->path(), "/new/p?q=1");
  EXPECT_EQ(map->value(http::HeaderId::EnvoyOriginalPath), "/old/p?q=1");
  EXPECT_EQ(map->authority(), "rewritten.example");
  EXPECT_FALSE(map->get("x-secret").has_value());
  EXPECT_EQ(map->get("x-level"), "table"); // applied last, as in Envoy
  EXPECT_EQ(map->get("x-path"), "was /old/p?q=1");
  info_.responseCode = 201;
  auto response = pool_.make();
  route->finalizeResponseHeaders(*response, *map, info_);
  EXPECT_EQ(response->get("x-code"), "201");

  auto second = request("h", "/re/abc?q");
  table_->match(*second, info_, 0)->finalizeRequestHeaders(*second, info_);
  EXPECT_EQ(second->path(), "/abc/x?q");
}

TEST_F(RouteTableTest, AHostFromAHeaderMustBeAHost) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - {match: {prefix: /auto}, route: {cluster: a, auto_host_rewrite: true, append_x_forwarded_host: true}}
  - {match: {prefix: /}, route: {cluster: a, host_rewrite_header: X-Host, append_x_forwarded_host: true}}
)"),
            absl::OkStatus());
  const auto host = [this](const std::string& value) {
    auto map = request("asked", "/", {{"x-host", value}});
    table_->match(*map, info_, 0)->finalizeRequestHeaders(*map, info_);
    return base::cat(map->authority(), " ", map->value(http::HeaderId::ForwardedHost));
  };
  EXPECT_EQ(host("other.test:80"), "other.test:80 asked");
  EXPECT_EQ(host("user@other.test"), "asked ");
  EXPECT_EQ(host("a b"), "asked ");
  EXPECT_EQ(host(""), "asked ");
  auto map = request("asked", "/auto");
  table_->match(*map, info_, 0)->rewriteHostFor(*map, "endpoint.test");
  EXPECT_EQ(map->authority(), "endpoint.test");
  EXPECT_EQ(map->value(http::HeaderId::ForwardedHost), "asked");
  auto other = request("asked", "/");
  table_->match(*other, info_, 0)->rewriteHostFor(*other, "endpoint.test");
  EXPECT_EQ(other->authority(), "asked");
}

TEST_F(RouteTableTest, FormattedHeadersStayOneLine) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  response_headers_to_add:
  - {header: {key: x-site, value: '%DYNAMIC_METADATA(ns:site)%'}}
  - {header: {key: x-long, value: 'a value of some length: %DYNAMIC_METADATA(ns:site)%'}}
  routes: [{match: {prefix: /}, route: {cluster: a}}]
)"),
            absl::OkStatus());
  (*info_.dynamicMetadata()["ns"].mutable_fields())["site"].set_string_value(
      std::string("s\r\nset-cookie: a=b\0\x7f\t\xc3\xa4", 23));
  auto map = request("h", "/");
  auto response = pool_.make();
  table_->match(*map, info_, 0)->finalizeResponseHeaders(*response, *map, info_);
  EXPECT_EQ(response->get("x-site"), "s??set-cookie: a=b??\t\xc3\xa4");
  EXPECT_EQ(response->get("x-long"), "a value of some length: s??set-cookie: a=b??\t\xc3\xa4");
}

TEST_F(RouteTableTest, FiltersAreSwitchedByTheMostSpecificEntry) {
  const std::string wrapper = "'@type': type.googleapis.com/envoy.config.route.v3.FilterConfig";
  ASSERT_EQ(load(base::cat(R"(
virtual_hosts:
- name: h
  domains: ['*']
  typed_per_filter_config: {off: {)",
                           wrapper, R"(, disabled: true}}
  routes:
  - match: {prefix: /on}
    typed_per_filter_config: {off: {)",
                           wrapper, R"(}}
    route: {cluster: a}
  - {match: {prefix: /}, route: {cluster: a}}
)")),
            absl::OkStatus());
  auto on = request("h", "/on");
  EXPECT_EQ(table_->match(*on, info_, 0)->filterDisabled("off"), false);
  auto off = request("h", "/");
  EXPECT_EQ(table_->match(*off, info_, 0)->filterDisabled("off"), true);
  EXPECT_EQ(table_->match(*off, info_, 0)->filterDisabled("other"), std::nullopt);
}

TEST_F(RouteTableTest, OnlyAnUnknownFilterConfigurationIsOptional) {
  envoy::config::route::v3::RouteConfiguration proto;
  ASSERT_EQ(config::loadText("r.yaml", R"(
virtual_hosts:
- name: h
  domains: ['*']
  typed_per_filter_config:
    f:
      '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig
      is_optional: true
      config: {'@type': type.googleapis.com/google.protobuf.Duration, value: 1s}
  routes: [{match: {prefix: /}, route: {cluster: a}}]
)",
                             proto),
            absl::OkStatus());
  absl::Status answer;
  std::vector<absl::Status> leftOut;
  RouteTableContext context;
  context.createRouteFilterConfig = [&](auto&&...) { return answer; };
  context.leftOut = [&](const absl::Status& why) { leftOut.push_back(why); };
  answer = absl::NotFoundError("unknown");
  EXPECT_TRUE(compileRouteTable(proto, context, "rc").ok());
  EXPECT_EQ(leftOut, std::vector<absl::Status>{answer});
  answer = absl::InvalidArgumentError("broken");
  EXPECT_EQ(compileRouteTable(proto, context, "rc").status(), answer);
  EXPECT_EQ(leftOut.size(), 1u);
}

TEST_F(RouteTableTest, RedirectsAndDirectResponses) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: [h, 'h:80']
  routes:
  - {match: {prefix: /tls}, redirect: {https_redirect: true}}
  - {match: {prefix: /host}, redirect: {host_redirect: other, port_redirect: 8080, response_code: FOUND}}
  - {match: {prefix: /path}, redirect: {path_redirect: /to, response_code: PERMANENT_REDIRECT}}
  - {match: {prefix: /pre}, redirect: {prefix_rewrite: /post, strip_query: true}}
  - {match: {prefix: /direct}, direct_response: {status: 418, body: {inline_string: teapot}}}
- {name: tls, domains: [tls], require_tls: ALL, routes: [{match: {prefix: /}, route: {cluster: a}}]}
)"),
            absl::OkStatus());
  const auto location = [this](std::string_view authority, std::string_view path) {
    auto map = request(authority, path);
    const auto redirect = table_->match(*map, info_, 0)->redirect(*map);
    return base::cat(redirect->status, " ", redirect->location);
  };
  EXPECT_EQ(location("h:80", "/tls?a"), "301 https://h/tls?a");
  EXPECT_EQ(location("h", "/host/x"), "302 http://other:8080/host/x");
  EXPECT_EQ(location("h", "/path?q=1"), "308 http://h/to?q=1");
  EXPECT_EQ(location("h", "/pre/x?q=1"), "301 http://h/post/x");
  EXPECT_EQ(location("tls", "/x"), "301 https://tls/x");
  EXPECT_EQ(cluster("tls", "/x", {{"x-forwarded-proto", "https"}}), "a");
  auto map = request("h", "/direct");
  const auto direct = table_->match(*map, info_, 0)->directResponse();
  ASSERT_TRUE(direct.has_value());
  EXPECT_EQ(direct->status, 418u);
  EXPECT_EQ(direct->body, "teapot");
}

TEST_F(RouteTableTest, TimeoutsAndMetadata) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - {match: {prefix: /a}, route: {cluster: a, timeout: 1.5s, idle_timeout: 0s, metadata_match: {filter_metadata: {envoy.lb: {site: s1}}}}}
  - {match: {prefix: /}, route: {cluster: a}}
)"),
            absl::OkStatus());
  auto a = request("h", "/a");
  const Route* route = table_->match(*a, info_, 0);
  EXPECT_EQ(route->timeout().count(), 1500);
  EXPECT_EQ(route->idleTimeout()->count(), 0);
  ASSERT_NE(route->metadataMatch(), nullptr);
  EXPECT_EQ(route->metadataMatch()->criteria()[0].key, "site");
  auto other = request("h", "/");
  EXPECT_EQ(table_->match(*other, info_, 0)->timeout().count(), 15'000);
  EXPECT_EQ(table_->match(*other, info_, 0)->metadataMatch(), nullptr);
}

TEST_F(RouteTableTest, StreamLimitsAndRedirectPolicy) {
  ASSERT_EQ(load(R"(
virtual_hosts:
- name: h
  domains: ['*']
  routes:
  - {match: {prefix: /a}, route: {cluster: a, max_stream_duration: {max_stream_duration: 2s, grpc_timeout_header_max: 0s}}}
  - {match: {prefix: /b}, route: {cluster: a, max_grpc_timeout: 3s, grpc_timeout_offset: 1s,
      internal_redirect_policy: {redirect_response_codes: [301, 404], response_headers_to_copy: [X-A]}}}
  - {match: {prefix: /}, route: {cluster: a}}
)"),
            absl::OkStatus());
  const auto route = [this](std::string_view path) {
    return table_->match(*request("h", path), info_, 0);
  };
  const StreamLimits* limits = route("/a")->streamLimits();
  ASSERT_NE(limits, nullptr);
  EXPECT_TRUE(limits->hasMaxStreamDuration);
  EXPECT_EQ(limits->maxStreamDuration, base::Milliseconds(2000));
  EXPECT_EQ(limits->grpcHeaderMax, base::Milliseconds(0));
  EXPECT_EQ(limits->grpcHeaderOffset, std::nullopt);
  EXPECT_EQ(route("/a")->redirectPolicy(), nullptr);
  limits = route("/b")->streamLimits();
  ASSERT_NE(limits, nullptr);
  EXPECT_FALSE(limits->hasMaxStreamDuration);
  EXPECT_EQ(limits->maxGrpcTimeout, base::Milliseconds(3000));
  EXPECT_EQ(limits->grpcTimeoutOffset, base::Milliseconds(1000));
  const RedirectPolicy* policy = route("/b")->redirectPolicy();
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->maxRedirects, 1u);
  EXPECT_EQ(policy->statuses, std::vector<uint32_t>{301});
  EXPECT_EQ(policy->copiedHeaders, std::vector<std::string>{"x-a"});
  EXPECT_EQ(route("/")->streamLimits(), nullptr);
}

TEST_F(RouteTableTest, ErrorsNameTheField) {
  const auto error = [this](const std::string& routes) {
    return std::string(base::message(
        load("virtual_hosts: [{name: h, domains: ['*'], routes: [" + routes + "]}]")));
  };
  EXPECT_EQ(error("{match: {safe_regex: {regex: '(a'}}, route: {cluster: a}}"),
            "rc.virtual_hosts[0].routes[0].match.safe_regex.regex: found \"(a\", expected a "
            "regular expression (RE2): missing ): (a");
  EXPECT_EQ(error("{match: {prefix: /}, route: {cluster: missing}}"),
            "rc.virtual_hosts[0].routes[0].route.cluster: found \"missing\", expected the name of "
            "a cluster in static_resources.clusters");
  EXPECT_EQ(error("{match: {prefix: /}, route: {cluster: a, internal_redirect_policy: {predicates: "
                  "[{name: previous, typed_config: {'@type': "
                  "type.googleapis.com/google.protobuf.Struct, value: {}}}]}}}"),
            "rc.virtual_hosts[0].routes[0].route.internal_redirect_policy.predicates[0]: found "
            "\"previous\", expected no predicate");
  EXPECT_EQ(error("{match: {prefix: /}}"), "rc.virtual_hosts[0].routes[0]: found no action, "
                                           "expected route, redirect or direct_response");
  EXPECT_EQ(
      error("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 0}]}}}"),
      "rc.virtual_hosts[0].routes[0].route.weighted_clusters.clusters: found a sum of weights of "
      "0, expected at least 1");
  EXPECT_NE(
      error("{match: {prefix: /}, route: {cluster: a}, request_headers_to_add: [{header: {key: a, "
            "value: '%NOPE%'}}]}")
          .find(
              "request_headers_to_add[0].header.value: format: unknown command NOPE at position 0"),
      std::string::npos);
  EXPECT_NE(base::message(load(hosts(host("a", "x") + host("b", "X"))))
                .find("virtual_hosts[1].domains[0]: found \"X\" again"),
            std::string_view::npos);
}

} // namespace
} // namespace moe::route
