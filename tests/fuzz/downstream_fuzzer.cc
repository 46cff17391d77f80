// Any bytes from a client, through the connection manager, its codecs, its filters and its pools.
#include "whole_proxy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* proxy =
      std::make_unique<moe::fuzz::WholeProxy>().release(); // lives as long as we do
  if (size > 0) {
    proxy->run({reinterpret_cast<const char*>(data) + 1, size - 1},
               data[0] < 128 ? size : size_t{data[0]} - 127);
  }
  return 0;
}
