// Any bytes as an OCSP response: what is taken has a serial number, what is not has a reason.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tls/ocsp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto response = moe::tls::parseOcspResponse({reinterpret_cast<const char*>(data), size});
  if (response.ok() ? response->serial.empty() : response.status().message().empty()) {
    __builtin_trap();
  }
  return 0;
}
