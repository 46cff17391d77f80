#include "proxy/client_certificate.h"

#include "base/strings.h"
#include "http/tls_commands.h"
#include "tls/peer.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using Rules = ClientCertificateRules;

// A certificate may have anything in its names: what would end the header is escaped, and what
// would end the value is put in quotes.
void appendText(std::string_view text, std::string& out) {
  constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    } else {
      out.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
    }
  }
}

void appendPair(std::string_view key, std::string_view value, std::string& out, bool quoted) {
  quoted = quoted || value.find_first_of(",;=\"\\") != std::string_view::npos;
  out.append(out.empty() ? "" : ";").append(key).append(quoted ? "=\"" : "=");
  appendText(value, out);
  out.append(quoted ? "\"" : "");
}

void appendEncoded(std::string_view key, std::string_view pem, std::string& out) {
  out.append(";").append(key).append("=\"");
  http::urlEncode(pem, out);
  out.append("\"");
}

} // namespace

std::string clientCertificateElement(const Rules& rules, const tls::TlsPeer& peer) {
  std::string out;
  if (const tls::CertificateFacts* local = peer.localCertificate()) {
    for (const std::string& uri : local->uriSans) {
      appendPair("By", uri, out, false);
    }
  }
  const tls::CertificateFacts* client = peer.certificate();
  if (client == nullptr) {
    return out;
  }
  appendPair("Hash", client->sha256, out, false);
  if (rules.cert) {
    appendEncoded("Cert", peer.pem(), out);
  }
  if (rules.chain) {
    appendEncoded("Chain", peer.pemChain(), out);
  }
  // Subject and URI are there even if they say nothing.
  if (rules.subject) {
    out.append(";Subject=\"");
    // RFC 2253 has escaped the quotes.
    for (const char c : client->subject) {
      out.push_back(static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) >= 0x7f ? '?' : c);
    }
    out.append("\"");
  }
  if (rules.uri) {
    for (const std::string& uri : client->uriSans) {
      appendPair("URI", uri, out, false);
    }
    out.append(client->uriSans.empty() ? ";URI=" : "");
  }
  if (rules.dns) {
    for (const std::string& dns : client->dnsSans) {
      appendPair("DNS", dns, out, false);
    }
  }
  return out;
}

void forwardClientCertificate(http::HeaderMap& headers, const Rules& rules,
                              const tls::TlsPeer* peer) {
  if (rules.forward == Rules::Forward::AlwaysForwardOnly) {
    return;
  }
  if (rules.forward == Rules::Forward::Sanitize || peer == nullptr || !peer->hasCertificate()) {
    // The next hop would take it for the certificate that moe has seen.
    headers.remove(HeaderId::ForwardedClientCert);
    return;
  }
  if (rules.forward == Rules::Forward::ForwardOnly) {
    return;
  }
  const std::string element = clientCertificateElement(rules, *peer);
  if (rules.forward == Rules::Forward::SanitizeSet) {
    headers.set(HeaderId::ForwardedClientCert, element);
  } else {
    headers.appendValue(HeaderId::ForwardedClientCert, element);
  }
}

} // namespace moe::proxy
