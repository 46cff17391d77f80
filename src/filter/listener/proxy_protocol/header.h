#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace moe::filter::proxy_protocol {

// A type and a value that a version 2 header carries beside the addresses.
struct Tlv {
  uint8_t type;
  std::string_view value; // into the bytes that were parsed
};

// A PROXY header (www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
struct Header {
  int version = 0;        // 1 or 2
  size_t size = 0;        // bytes, to be taken off
  bool local = false;     // says nothing of addresses: those of the socket count (LOCAL, UNKNOWN)
  net::AddressPtr source; // null if local
  net::AddressPtr destination;
  std::vector<Tlv> tlvs; // none if local
};

struct ParseOptions {
  bool v1 = true; // a version that is off is not recognised
  bool v2 = true;
};

enum class ParseState {
  NeedMore,
  Found,
  NotProxy, // the bytes are no header of a version that is on
  Malformed,
};

struct ParseResult {
  ParseState state = ParseState::NeedMore;
  int version = 0;   // 0: not known yet
  size_t needed = 0; // NeedMore: no answer before there are so many bytes
};

// The longest header there can be.
inline constexpr size_t kMaxHeader = 16 + 65535;

// Parses the begin of a connection. `header` is complete if Found. Lengths must add up to the byte,
// and addresses must be such as TCP connects.
ParseResult parseHeader(std::string_view bytes, const ParseOptions& options, Header& header);

} // namespace moe::filter::proxy_protocol
