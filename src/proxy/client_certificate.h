#pragma once

#include <memory>
#include <string>

#include "http/header_map.h"

namespace moe::tls {
class TlsPeer; // tls/peer.h
} // namespace moe::tls

namespace moe::proxy {

// x-forwarded-client-cert: HttpConnectionManager.forward_client_cert_details and
// set_current_client_cert_details.
struct ClientCertificateRules {
  enum class Forward { Sanitize, ForwardOnly, AppendForward, SanitizeSet, AlwaysForwardOnly };
  Forward forward = Forward::Sanitize;
  bool subject = false;
  bool cert = false;
  bool chain = false;
  bool dns = false;
  bool uri = false;
};

// What the next hop is told of the client's certificate. `peer` is null without TLS; what other
// clients say is believed over mutual TLS only, or always where that is configured.
void forwardClientCertificate(http::HeaderMap& headers, const ClientCertificateRules& rules,
                              const tls::TlsPeer* peer);

// "By=spiffe://a;Hash=12ab...;URI=spiffe://b": the present hop, of a peer that has a certificate.
std::string clientCertificateElement(const ClientCertificateRules& rules, const tls::TlsPeer& peer);

} // namespace moe::proxy
