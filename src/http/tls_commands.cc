#include "http/tls_commands.h"

#include "tls/peer.h"

namespace moe::http {
namespace {

using tls::CertificateFacts;
using tls::TlsPeer;
using Side = std::shared_ptr<const TlsPeer> StreamInfo::*;

void join(const std::vector<std::string>& names, std::string& out) {
  for (size_t i = 0; i < names.size(); ++i) {
    out.append(i == 0 ? "" : ",").append(names[i]);
  }
}

struct ConnectionEntry {
  std::string_view name;
  void (*append)(const TlsPeer&, std::string&);
};
constexpr ConnectionEntry kConnection[] = {
    {"TLS_VERSION", [](const TlsPeer& p, std::string& o) { o.append(p.version()); }},
    {"TLS_CIPHER", [](const TlsPeer& p, std::string& o) { o.append(p.cipher()); }},
    {"TLS_SESSION_ID", [](const TlsPeer& p, std::string& o) { o.append(p.sessionId()); }},
    {"PEER_CERT", [](const TlsPeer& p, std::string& o) { urlEncode(p.pem(), o); }},
};

// Of the peer's certificate, or of this side's.
struct CertificateEntry {
  std::string_view name;
  void (*append)(const CertificateFacts&, std::string&);
};
constexpr CertificateEntry kCertificate[] = {
    {"SUBJECT", [](const CertificateFacts& c, std::string& o) { o.append(c.subject); }},
    {"URI_SAN", [](const CertificateFacts& c, std::string& o) { join(c.uriSans, o); }},
    {"DNS_SAN", [](const CertificateFacts& c, std::string& o) { join(c.dnsSans, o); }},
    {"IP_SAN", [](const CertificateFacts& c, std::string& o) { join(c.ipSans, o); }},
    {"EMAIL_SAN", [](const CertificateFacts& c, std::string& o) { join(c.emailSans, o); }},
};
constexpr CertificateEntry kPeerOnly[] = {
    {"ISSUER", [](const CertificateFacts& c, std::string& o) { o.append(c.issuer); }},
    {"SERIAL", [](const CertificateFacts& c, std::string& o) { o.append(c.serial); }},
    {"FINGERPRINT_256", [](const CertificateFacts& c, std::string& o) { o.append(c.sha256); }},
    {"FINGERPRINT_1", [](const CertificateFacts& c, std::string& o) { o.append(c.sha1); }},
};

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

template <size_t n>
bool certificateCommand(const CertificateEntry (&entries)[n], std::string_view name, Side side,
                        const CertificateFacts* (TlsPeer::*which)() const, FormatPiece& piece) {
  for (const CertificateEntry& entry : entries) {
    if (entry.name != name) {
      continue;
    }
    piece.command = [side, which, append = entry.append](const FormatContext& c, std::string& out) {
      const TlsPeer* peer = (c.info.*side).get();
      if (const CertificateFacts* facts = peer == nullptr ? nullptr : (peer->*which)()) {
        append(*facts, out);
      }
    };
    return true;
  }
  return false;
}

// PEER_CERT_V_START and _V_END, with a format as START_TIME has it.
bool validityCommand(std::string_view name, std::string_view argument, Side side,
                     FormatPiece& piece) {
  const bool start = name == "CERT_V_START";
  if (!start && name != "CERT_V_END") {
    return false;
  }
  piece.command = [side, start, format = std::string(argument)](const FormatContext& c,
                                                                std::string& out) {
    const TlsPeer* peer = (c.info.*side).get();
    if (const CertificateFacts* facts = peer == nullptr ? nullptr : peer->certificate()) {
      appendTime(format, (start ? facts->validFrom : facts->validUntil) * 1'000'000'000, out);
    }
  };
  return true;
}

} // namespace

void urlEncode(std::string_view text, std::string& out) {
  constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
}

bool tlsCommand(std::string_view name, std::string_view argument, FormatPiece& piece) {
  if (name == "DOWNSTREAM_TRANSPORT_FAILURE_REASON") {
    piece.command = [](const FormatContext& c, std::string& out) {
      out.append(c.info.downstreamFailureReason);
    };
    return true;
  }
  Side side = &StreamInfo::downstreamTls;
  if (!take(name, "DOWNSTREAM_")) {
    if (!take(name, "UPSTREAM_")) {
      return false;
    }
    side = &StreamInfo::upstreamTls;
  }
  for (const ConnectionEntry& entry : kConnection) {
    if (entry.name == name) {
      piece.command = [side, append = entry.append](const FormatContext& c, std::string& out) {
        if (const TlsPeer* peer = (c.info.*side).get()) {
          append(*peer, out);
        }
      };
      return true;
    }
  }
  if (take(name, "LOCAL_")) {
    return certificateCommand(kCertificate, name, side, &TlsPeer::localCertificate, piece);
  }
  return take(name, "PEER_") &&
         (certificateCommand(kCertificate, name, side, &TlsPeer::certificate, piece) ||
          certificateCommand(kPeerOnly, name, side, &TlsPeer::certificate, piece) ||
          validityCommand(name, argument, side, piece));
}

} // namespace moe::http
