// Any request against a table with every kind of matcher; the first lines are authority and path,
// the others headers.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/load.h"
#include "http/header_map.h"
#include "route/route_table.h"

namespace {

constexpr const char* kTable = R"(
virtual_hosts:
- name: exact
  domains: [a.test, "a.test:80"]
  routes:
  - {match: {path: /exact, headers: [{name: x-a, string_match: {contains: b}}]}, route: {cluster: c}}
  - {match: {path_separated_prefix: /sep}, redirect: {path_redirect: /new}}
  - {match: {safe_regex: {regex: "/r/[a-z]+/.*"}}, route: {cluster: c, regex_rewrite: {pattern: {regex: "^/r"}, substitution: /s}}}
- name: wild
  domains: ["*.b.test", "c.*"]
  routes:
  - {match: {prefix: /q, query_parameters: [{name: k, string_match: {prefix: v}}]}, route: {cluster: c, prefix_rewrite: /w}}
  - {match: {prefix: /}, direct_response: {status: 200}}
- name: any
  domains: ["*"]
  routes: [{match: {prefix: /, headers: [{name: x-n, range_match: {start: 1, end: 9}}]}, route: {cluster: c}}]
)";

const moe::route::RouteTablePtr& table() {
  static const moe::route::RouteTablePtr made = [] {
    envoy::config::route::v3::RouteConfiguration proto;
    if (!moe::config::loadText("r.yaml", kTable, proto).ok()) {
      __builtin_trap();
    }
    auto compiled = moe::route::compileRouteTable(
        proto, {.clusterExists = [](std::string_view) { return true; }}, "r");
    if (!compiled.ok()) {
      __builtin_trap();
    }
    return *compiled;
  }();
  return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto line = [&rest] {
    const size_t end = rest.find('\n');
    const std::string_view out = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    return out;
  };
  moe::base::BlockPool blocks;
  moe::base::Slab slab(blocks);
  moe::http::HeaderMap request(slab);
  request.add(moe::http::HeaderId::Method, "GET");
  request.add(moe::http::HeaderId::Authority, line());
  request.add(moe::http::HeaderId::Path, line());
  while (!rest.empty()) {
    const std::string_view header = line();
    const size_t colon = header.find(':');
    if (colon != header.npos && colon > 0) {
      request.add(header.substr(0, colon), header.substr(colon + 1));
    }
  }
  moe::http::StreamInfo info;
  if (const auto* route = table()->match(request, info, size)) {
    (void)route->clusterFor(request);
  }
  return 0;
}
