#include "http/websocket.h"

#include <openssl/sha.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "base/strings.h"

namespace moe::http {
namespace {

std::string base64(const void* bytes, size_t size) {
  return absl::Base64Escape(absl::string_view(static_cast<const char*>(bytes), size));
}

} // namespace

std::string webSocketKey(base::Random& random) {
  const uint64_t words[2] = {random.next(), random.next()};
  return base64(words, sizeof(words));
}

std::string webSocketAccept(std::string_view key) {
  const std::string text = base::cat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  uint8_t digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest);
  return base64(digest, sizeof(digest));
}

} // namespace moe::http
