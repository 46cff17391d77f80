#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moe::filter::tls_inspector {

// What a ClientHello says of the connection that it begins.
struct ClientHello {
  std::string serverName;        // RFC 6066 section 3, in lower case; empty: not there
  std::vector<std::string> alpn; // RFC 7301, in the client's order; empty: not there or malformed
};

// The body of a ClientHello message, without its header (RFC 8446 section 4.1.2, RFC 5246 section
// 7.4.1.2). Nothing where it is not well formed: lengths that do not add up, an extension twice, a
// server name that is none. What only the TLS library looks at is not looked at.
std::optional<ClientHello> parseClientHello(std::string_view body);

// Finds the ClientHello at the begin of a connection, across any records and any pieces that they
// come in. Each byte is looked at once; no more is kept than the limit.
class ClientHelloReader {
public:
  enum class State {
    NeedMore,
    Found,   // hello() is there
    NotTls,  // the bytes are something else, or no well-formed ClientHello
    TooLarge // TLS so far, but more than the limit
  };

  // maxBytes: of records, with their headers.
  explicit ClientHelloReader(size_t maxBytes) : maxBytes_(maxBytes) {}

  // The next bytes; after another state than NeedMore no more.
  State feed(std::string_view bytes);
  const ClientHello& hello() const { return hello_; }
  // Bytes looked at so far.
  size_t bytes() const { return bytes_; }

private:
  // False: this cannot be TLS.
  bool recordHeader();
  bool messageHeader() const;
  // Bytes of the message that are known to be missing.
  size_t missing() const;

  size_t maxBytes_;
  size_t bytes_ = 0;
  std::string header_;    // of the present record
  size_t recordLeft_ = 0; // bytes of the present record to come
  std::string message_;   // handshake message, with its header
  ClientHello hello_;
};

} // namespace moe::filter::tls_inspector
