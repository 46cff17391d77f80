#include <gtest/gtest.h>

#include "http/codec/http1_encoder.h"

namespace moe::http {
namespace {

class Http1NameCaseTest : public testing::Test {
protected:
  std::string request(const HeaderMap& headers, bool proper) {
    base::Buffer out;
    writeRequestHead(headers, {.framing = Http1Framing::Chunked, .properCase = proper}, slab_, out);
    return out.toString();
  }
  HeaderMapPtr headers() {
    HeaderMapPtr map = pool_.make();
    map->add(":method", "GET");
    map->add(":path", "/");
    map->add(":authority", "a");
    map->add("content-type", "b-c");
    map->add("x-1st.name", "d");
    return map;
  }
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  HeaderMapPool pool_{slab_};
};

TEST_F(Http1NameCaseTest, ProperWords) {
  EXPECT_EQ(request(*headers(), false),
            "GET / HTTP/1.1\r\nhost: a\r\ncontent-type: b-c\r\nx-1st.name: d\r\n"
            "transfer-encoding: chunked\r\n\r\n");
  EXPECT_EQ(request(*headers(), true),
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: b-c\r\nX-1st.Name: d\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
}

TEST_F(Http1NameCaseTest, KeptCaseGoesBeforeProperWords) {
  const HeaderMapPtr map = headers();
  map->keepCase("HOST", false);
  map->keepCase("CONTENT-type", false);
  map->keepCase("x-gone", false);
  const std::string_view kept =
      "GET / HTTP/1.1\r\nHOST: a\r\nCONTENT-type: b-c\r\nx-1st.name: d\r\n"
      "transfer-encoding: chunked\r\n\r\n";
  EXPECT_EQ(request(*map, true), kept);
  const HeaderMapPtr copy = pool_.make();
  copy->copyFrom(*map);
  EXPECT_EQ(request(*copy, false), kept);
  copy->clear();
  EXPECT_FALSE(copy->keepsCase());
}

TEST_F(Http1NameCaseTest, WhatIsAddedMayBeProper) {
  const HeaderMapPtr map = headers();
  map->keepCase("CONTENT-type", true);
  EXPECT_EQ(request(*map, false),
            "GET / HTTP/1.1\r\nHost: a\r\nCONTENT-type: b-c\r\nX-1st.Name: d\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
}

} // namespace
} // namespace moe::http
