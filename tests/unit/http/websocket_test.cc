#include "http/websocket.h"

#include <gtest/gtest.h>

namespace moe::http {
namespace {

TEST(WebSocket, AcceptOfTheRfcsExample) { // RFC 6455 section 1.3
  EXPECT_EQ(webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, KeysDiffer) {
  base::Random random(1);
  const std::string key = webSocketKey(random);
  EXPECT_EQ(key.size(), 24u);
  EXPECT_NE(key, webSocketKey(random));
}

} // namespace
} // namespace moe::http
