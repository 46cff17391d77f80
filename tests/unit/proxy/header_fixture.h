#pragma once

#include <gtest/gtest.h>

#include <string>

#include "http/header_map.h"
#include "http/stream_info.h"

namespace moe::proxy::test {

// One header map, for tests of what is done to it.
class HeaderTest : public testing::Test {
protected:
  std::string value(std::string_view name) const {
    std::string storage;
    return std::string(headers_->joined(name, storage).value_or("none"));
  }

  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  http::HeaderMapPool pool_{slab_};
  http::HeaderMapPtr headers_ = pool_.make();
  http::StreamInfo info_;
};

} // namespace moe::proxy::test
