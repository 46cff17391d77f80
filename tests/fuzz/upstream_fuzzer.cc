// Any bytes from an upstream, in HTTP/1 or HTTP/2 as the first byte says, as answers to requests of
// either version.
#include "whole_proxy.h"

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kRequests[] = {
    "GET /one HTTP/1.1\r\nhost: h\r\n\r\nHEAD / HTTP/1.1\r\nhost: h\r\n\r\n"sv,
    "GET /two HTTP/1.1\r\nhost: h\r\n\r\nPOST /two HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"sv,
    "GET /one HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nabc"sv,
    "GET /two HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nabc"sv,
    // HTTP/2: GET /one, and a POST to /two whose body is to come
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    "\0\0\x0b\1\5\0\0\0\1\x82\x86\x44\4/one\x41\1h"
    "\0\0\x0b\1\4\0\0\0\3\x83\x86\x44\4/two\x41\1h"sv,
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* proxy =
      std::make_unique<moe::fuzz::WholeProxy>().release(); // lives as long as we do
  if (size > 0) {
    const std::string_view request = kRequests[data[0] % std::size(kRequests)];
    proxy->setAnswer({reinterpret_cast<const char*>(data) + 1, size - 1});
    proxy->run(request, request.size());
  }
  return 0;
}
