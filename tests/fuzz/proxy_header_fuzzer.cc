// Any bytes as a PROXY header: never read past their end, the same answer however little is given
// at a time, and what is found lies within.
#include <cstddef>
#include <cstdint>
#include <string>

#include "filter/listener/proxy_protocol/header.h"

using namespace moe::filter::proxy_protocol;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Header header;
  const ParseResult whole = parseHeader(bytes, {}, header);
  size_t n = 1;
  Header byBits;
  ParseResult result;
  while (n <= size) {
    // Of its own, so that reading behind it is seen.
    const std::string some = bytes.substr(0, n);
    result = parseHeader(some, {}, byBits);
    if (result.state != ParseState::NeedMore) {
      break;
    }
    if (result.needed <= n || result.needed > kMaxHeader) {
      __builtin_trap();
    }
    n = result.needed;
  }
  if (whole.state == ParseState::Found) {
    if (result.state != ParseState::Found || header.size > size || header.size != byBits.size ||
        header.local == (header.source != nullptr)) {
      __builtin_trap();
    }
    for (const Tlv& tlv : header.tlvs) {
      if (tlv.value.data() < bytes.data() ||
          tlv.value.data() + tlv.value.size() > bytes.data() + header.size) {
        __builtin_trap();
      }
    }
  } else if (whole.state != result.state && size > 0) {
    __builtin_trap();
  }
  return 0;
}
