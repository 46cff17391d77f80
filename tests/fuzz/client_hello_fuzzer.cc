// Any bytes as the begin of a TLS connection: the answer does not depend on the pieces they come
// in.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filter/listener/tls_inspector/client_hello.h"

using moe::filter::tls_inspector::ClientHelloReader;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  constexpr size_t limit = 4096;
  const size_t each = data[0] + size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ClientHelloReader whole(limit);
  const auto answer = whole.feed(bytes);
  ClientHelloReader pieces(limit);
  auto state = ClientHelloReader::State::NeedMore;
  for (size_t at = 0; at < bytes.size() && state == ClientHelloReader::State::NeedMore;
       at += each) {
    state = pieces.feed(bytes.substr(at, each));
  }
  // What is not TLS may be known before the end of a piece.
  const bool sameBytes =
      whole.bytes() == pieces.bytes() || answer == ClientHelloReader::State::NotTls;
  if (state != answer || !sameBytes || whole.bytes() > limit) {
    __builtin_trap();
  }
  if (answer == ClientHelloReader::State::Found) {
    if (whole.hello().serverName != pieces.hello().serverName ||
        whole.hello().alpn != pieces.hello().alpn || whole.hello().serverName.size() > 255) {
      __builtin_trap();
    }
    for (const std::string& name : whole.hello().alpn) {
      if (name.empty()) {
        __builtin_trap();
      }
    }
  }
  return 0;
}
