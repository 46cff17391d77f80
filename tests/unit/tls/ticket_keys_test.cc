#include "tls/ticket_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"

namespace moe::tls {
namespace {

using config::FieldPath;
using Proto = envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys;
using Bytes = std::vector<uint8_t>;

Bytes seal(const TicketKeys& keys, const Bytes& in) {
  Bytes out(in.size() + TicketKeys::overhead());
  out.resize(keys.seal(in, out.data()));
  return out;
}

Bytes open(const TicketKeys& keys, const Bytes& in) {
  Bytes out(in.size());
  out.resize(keys.open(in, out.data()));
  return out;
}

Proto protoOf(const std::vector<std::string>& keys) {
  Proto proto;
  for (const std::string& key : keys) {
    proto.add_keys()->set_inline_bytes(key);
  }
  return proto;
}

const Bytes kSession = {1, 2, 3, 4, 5};

TEST(TicketKeysTest, FirstSealsAndEachOpens) {
  const std::string a(80, 'a');
  const std::string b(80, 'b');
  const auto old = *readTicketKeys(protoOf({a}), FieldPath());
  const auto both = *readTicketKeys(protoOf({b, a}), FieldPath());
  const auto fresh = *readTicketKeys(protoOf({b}), FieldPath());
  const Bytes ticket = seal(*old, kSession);
  EXPECT_EQ(open(*old, ticket), kSession);
  EXPECT_EQ(open(*both, ticket), kSession);
  EXPECT_EQ(open(*fresh, ticket), Bytes());
  EXPECT_EQ(open(*fresh, seal(*both, kSession)), kSession);
  EXPECT_NE(seal(*old, kSession), ticket); // another nonce
}

TEST(TicketKeysTest, EveryChangeOfATicketIsFound) {
  const auto keys = makeRandomTicketKeys();
  const Bytes ticket = seal(*keys, kSession);
  for (size_t i = 0; i < ticket.size(); ++i) {
    Bytes changed = ticket;
    changed[i] ^= 1;
    EXPECT_EQ(open(*keys, changed), Bytes()) << i;
    EXPECT_EQ(open(*keys, Bytes(ticket.begin(), ticket.begin() + static_cast<ptrdiff_t>(i))),
              Bytes())
        << i;
  }
}

TEST(TicketKeysTest, Errors) {
  EXPECT_EQ(base::message(readTicketKeys(protoOf({std::string(79, 'a')}), FieldPath("k")).status()),
            "k.keys[0]: found 79 bytes, expected 80 random bytes, as of \"openssl rand 80\"");
  EXPECT_EQ(base::message(readTicketKeys({}, FieldPath("k")).status()),
            "k.keys: found none, expected at least one key");
}

TEST(TicketKeysTest, RandomKeysChange) {
  const auto keys = makeRandomTicketKeys(/*periodSeconds=*/1);
  const Bytes first = seal(*keys, kSession);
  const auto waitForAnotherKey = [&](const Bytes& than) {
    Bytes ticket = than;
    while (std::equal(ticket.begin(), ticket.begin() + 16, than.begin())) {
      usleep(20'000);
      ticket = seal(*keys, kSession);
    }
    return ticket;
  };
  const Bytes second = waitForAnotherKey(first);
  EXPECT_EQ(open(*keys, first), kSession); // the one before still opens
  waitForAnotherKey(second);
  EXPECT_EQ(open(*keys, first), Bytes());
}

TEST(TicketKeysTest, ManyThreads) {
  const auto keys = makeRandomTicketKeys(/*periodSeconds=*/1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        EXPECT_EQ(open(*keys, seal(*keys, kSession)), kSession);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

} // namespace
} // namespace moe::tls
