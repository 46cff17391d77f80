#include "http/grpc.h"

#include <gtest/gtest.h>

namespace moe::http {
namespace {

TEST(Grpc, StatusesAsHttp) {
  EXPECT_EQ(httpStatusOf("0"), 200u);
  EXPECT_EQ(httpStatusOf("5"), 404u);
  EXPECT_EQ(httpStatusOf("14"), 503u);
  EXPECT_EQ(httpStatusOf("16"), 401u);
  for (const char* bad : {"", "17", "-1", "a", "99999999999999999999"}) {
    EXPECT_EQ(httpStatusOf(bad), 500u) << bad;
  }
}

TEST(Grpc, RequestsByTheirType) {
  base::BlockPool blocks;
  base::Slab slab(blocks);
  HeaderMap headers(slab);
  for (const auto& [type, grpc] : {std::pair{"application/grpc", true},
                                   {"application/grpc+proto", true},
                                   {"application/grpc;x=y", true},
                                   {"application/grpc-web", false},
                                   {"text/plain", false}}) {
    headers.set(HeaderId::ContentType, type);
    EXPECT_EQ(isGrpc(headers), grpc) << type;
  }
}

} // namespace
} // namespace moe::http
