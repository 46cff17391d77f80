#include "server/filter_chain_match.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "envoy/config/listener/v3/listener.pb.h"

namespace moe::server {
namespace {

using envoy::config::listener::v3::Listener;
using testing::HasSubstr;

net::AddressPtr address(std::string_view text) {
  auto parsed = net::Address::parseIpPort(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : nullptr;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    out.push_back(part);
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

// "to=1.2.3.4:80 sni=a.com": as the table has it.
net::SocketFacts facts(const std::string& text) {
  net::SocketFacts out;
  out.local = address("10.0.0.1:80");
  out.remote = address("192.0.2.1:40000");
  for (const std::string& word : split(text, ' ')) {
    const std::string value = word.substr(word.find('=') + 1);
    if (word.starts_with("to=")) {
      out.local = address(value);
    } else if (word.starts_with("from=")) {
      out.remote = address(value);
    } else if (word.starts_with("peer=")) {
      out.directRemote = address(value);
    } else if (word.starts_with("sni=")) {
      out.serverName = lower(value); // as the inspector leaves it
    } else if (word.starts_with("alpn=")) {
      out.applicationProtocols = split(value, ',');
    } else {
      EXPECT_EQ(word, "tls");
    }
    if (word == "tls" || word.starts_with("sni=") || word.starts_with("alpn=")) {
      out.transportProtocol = "tls";
    }
  }
  if (out.directRemote == nullptr) {
    out.directRemote = out.remote;
  }
  return out;
}

void addChain(Listener& listener, const std::string& name, const std::string& json) {
  auto& chain = *listener.add_filter_chains();
  chain.set_name(name);
  const auto status =
      google::protobuf::util::JsonStringToMessage(json, chain.mutable_filter_chain_match());
  EXPECT_TRUE(status.ok()) << json << ": " << status.ToString();
}

absl::StatusOr<FilterChainMatcher> compile(const Listener& listener) {
  return FilterChainMatcher::compile(listener.filter_chains(), config::FieldPath("filter_chains"));
}

TEST(FilterChainMatch, Table) {
  std::ifstream file("tests/data/filter_chains.txt");
  ASSERT_TRUE(file.good());
  int cases = 0;
  Listener listener;
  bool hasDefault = false;
  std::optional<FilterChainMatcher> matcher;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.starts_with("listener ")) {
      listener.Clear();
      listener.set_name(line.substr(9));
      hasDefault = false;
      matcher.reset();
    } else if (line == "default") {
      hasDefault = true;
    } else if (line.starts_with("chain ")) {
      const size_t space = line.find(' ', 6);
      addChain(listener, line.substr(6, space - 6), line.substr(space + 1));
    } else {
      if (!matcher.has_value()) {
        auto compiled = compile(listener);
        ASSERT_TRUE(compiled.ok()) << listener.name() << ": " << base::message(compiled.status());
        matcher.emplace(std::move(*compiled));
      }
      const size_t arrow = line.find("=> ");
      ASSERT_NE(arrow, std::string::npos) << line;
      const auto found = matcher->find(facts(line.substr(0, arrow)));
      const std::string chain = found.has_value()
                                    ? listener.filter_chains(static_cast<int>(*found)).name()
                                    : (hasDefault ? "default" : "none");
      EXPECT_EQ(chain, line.substr(arrow + 3)) << listener.name() << ": " << line;
      ++cases;
    }
  }
  EXPECT_GT(cases, 200);
}

std::string errorOf(const std::vector<std::pair<std::string, std::string>>& chains) {
  Listener listener;
  for (const auto& [name, json] : chains) {
    addChain(listener, name, json);
  }
  const auto compiled = compile(listener);
  return compiled.ok() ? "OK" : std::string(base::message(compiled.status()));
}

TEST(FilterChainMatch, EqualConditionsAreAnErrorThatNamesBoth) {
  EXPECT_EQ(
      errorOf({{"a", R"({"destination_port": 80})"},
               {"b", "{}"},
               {"c", R"({"destination_port": 80})"}}),
      "filter_chains[2].filter_chain_match: found conditions of filter_chains[2] (\"c\") that "
      "are true of connections of filter_chains[0] (\"a\"), expected conditions of its own");
  EXPECT_THAT(errorOf({{"", "{}"}, {"", "{}"}}),
              HasSubstr("filter_chains[1] that are true of connections of filter_chains[0],"));
}

TEST(FilterChainMatch, ListsMayNotShareAMember) {
  EXPECT_THAT(errorOf({{"a", R"({"server_names": ["a.com", "b.com"]})"},
                       {"b", R"({"server_names": ["c.com", "B.com"]})"}}),
              HasSubstr("(\"b\") that are true"));
  EXPECT_THAT(errorOf({{"a", R"({"source_ports": [1, 2]})"}, {"b", R"({"source_ports": [2]})"}}),
              HasSubstr("(\"b\") that are true"));
  EXPECT_THAT(
      errorOf({{"a", R"({"prefix_ranges": [{"address_prefix": "10.1.0.0", "prefix_len": 8}]})"},
               {"b", R"({"prefix_ranges": [{"address_prefix": "10.2.0.0", "prefix_len": 8}]})"}}),
      HasSubstr("(\"b\") that are true"));
  // The same name with one more condition is another path.
  EXPECT_EQ(errorOf({{"a", R"({"server_names": ["a.com"]})"},
                     {"b", R"({"server_names": ["a.com"], "transport_protocol": "tls"})"}}),
            "OK");
  // A chain may say the same twice.
  EXPECT_EQ(errorOf({{"a", R"({"server_names": ["a.com", "a.com"], "source_ports": [1, 1]})"}}),
            "OK");
}

TEST(FilterChainMatch, ErrorsNameTheField) {
  const std::string begin = "filter_chains[0].filter_chain_match.";
  const auto one = [](const std::string& json) { return errorOf({{"a", json}}); };
  EXPECT_THAT(one(R"({"address_suffix": "1.2"})"), HasSubstr(begin + "address_suffix: found"));
  EXPECT_THAT(one(R"({"suffix_len": 3})"), HasSubstr(begin + "suffix_len: found 3"));
  for (const char* name :
       {"*", "*.", "", "w*.example.com", "*w.example.com", "a.*.com", "*.*.com"}) {
    EXPECT_THAT(one(base::cat(R"({"server_names": ["a.com", ")", name, "\"]}")),
                HasSubstr(base::cat(begin, "server_names[1]: found \"", name, "\"")));
  }
  EXPECT_EQ(one(R"({"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 33}]})"),
            begin + "prefix_ranges[0].prefix_len: found 33 bits, expected 0 to 32");
  EXPECT_EQ(one(R"({"source_prefix_ranges": [{"address_prefix": "::", "prefix_len": 129}]})"),
            begin + "source_prefix_ranges[0].prefix_len: found 129 bits, expected 0 to 128");
  EXPECT_THAT(
      one(R"({"direct_source_prefix_ranges": [{"address_prefix": "10.0.0", "prefix_len": 8}]})"),
      HasSubstr(begin + "direct_source_prefix_ranges[0].address_prefix: found \"10.0.0\""));
  EXPECT_THAT(one(R"({"destination_port": 0})"), HasSubstr(begin + "destination_port: found 0"));
  EXPECT_THAT(one(R"({"destination_port": 65536})"),
              HasSubstr(begin + "destination_port: found 65536"));
  EXPECT_THAT(one(R"({"source_ports": [1, 70000]})"),
              HasSubstr(begin + "source_ports[1]: found 70000"));
}

std::optional<size_t> findIn(const std::string& json, const net::SocketFacts& facts) {
  Listener listener;
  addChain(listener, "a", json);
  auto compiled = compile(listener);
  EXPECT_TRUE(compiled.ok());
  return compiled->find(facts);
}

TEST(FilterChainMatch, MappedAddressesAreThoseOfIpv4) {
  net::SocketFacts mapped = facts("");
  mapped.local = address("[::ffff:10.0.0.1]:80");
  mapped.remote = mapped.directRemote = address("[::ffff:127.0.0.1]:80");
  constexpr const char* net8 =
      R"({"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]})";
  EXPECT_TRUE(findIn(net8, mapped).has_value());
  EXPECT_FALSE(findIn(R"({"prefix_ranges": [{"address_prefix": "::", "prefix_len": 0}]})", mapped));
  EXPECT_TRUE(findIn(R"({"source_type": "SAME_IP_OR_LOOPBACK"})", mapped).has_value());
  // And a range may be given so.
  constexpr const char* range =
      R"({"prefix_ranges": [{"address_prefix": "::ffff:10.0.0.0", "prefix_len": 104}]})";
  EXPECT_TRUE(findIn(range, facts("to=10.200.0.1:80")).has_value());
  EXPECT_FALSE(findIn(range, facts("to=11.0.0.1:80")).has_value());
  EXPECT_THAT(
      errorOf({{"a",
                R"({"prefix_ranges": [{"address_prefix": "::ffff:10.0.0.0", "prefix_len": 8}]})"}}),
      HasSubstr("expected 96 to 128"));
}

TEST(FilterChainMatch, PipesAreOfThisHostAndInNoRange) {
  net::SocketFacts pipe = facts("");
  pipe.local = *net::Address::pipe("/run/a.sock");
  pipe.remote = pipe.directRemote = *net::Address::pipe("@b");
  EXPECT_TRUE(findIn("{}", pipe).has_value());
  EXPECT_TRUE(findIn(R"({"source_type": "SAME_IP_OR_LOOPBACK"})", pipe).has_value());
  EXPECT_FALSE(findIn(R"({"destination_port": 80})", pipe).has_value());
  EXPECT_FALSE(
      findIn(R"({"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]})", pipe));
  EXPECT_FALSE(findIn(R"({"source_ports": [80]})", pipe).has_value());
}

} // namespace
} // namespace moe::server
