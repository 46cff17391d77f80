#pragma once

#include <string>
#include <string_view>

namespace moe::tls {

// What BoringSSL's error queue of this thread holds.
struct Errors {
  std::string text; // as Envoy writes it: "TLS_error:|<code>:<library>:OPENSSL_internal:<reason>"
  bool any = false; // there was one
  bool certificate = false; // the peer's certificate was refused, which has counters of its own
  bool noPeerCertificate = false;
  bool cleartext = false; // the peer speaks HTTP
};

// Takes the queue, and leaves it empty. `detail`, if there is one, follows the first reason.
Errors takeErrors(std::string_view detail);

} // namespace moe::tls
