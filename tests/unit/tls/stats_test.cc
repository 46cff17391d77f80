#include "tls/stats.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::tls {
namespace {

TEST(NamedCounters, AreMadeWhenTheyAreCounted) {
  stats::Store store;
  NamedCounters counters(store.root().child("ssl"), "ciphers", "envoy_ssl_cipher");
  EXPECT_EQ(store.findCounter("ssl.ciphers.A"), nullptr);
  counters.inc(7, "A");
  counters.inc(7 + 32, "B"); // the same place
  counters.inc(7, "A");
  EXPECT_EQ(store.findCounter("ssl.ciphers.A")->value(), 2u);
  EXPECT_EQ(store.findCounter("ssl.ciphers.B")->value(), 1u);
}

TEST(NamedCounters, AreCountedThoughTheyAreMany) {
  stats::Store store;
  NamedCounters counters(store.root().child("ssl"), "ciphers", "envoy_ssl_cipher");
  for (int round = 0; round < 2; ++round) {
    for (uint32_t id = 1; id <= 100; ++id) {
      counters.inc(id, base::cat("C", id));
    }
  }
  for (uint32_t id = 1; id <= 100; ++id) {
    EXPECT_EQ(store.findCounter(base::cat("ssl.ciphers.C", id))->value(), 2u) << id;
  }
}

} // namespace
} // namespace moe::tls
