#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "filter/listener/proxy_protocol/header.h"
#include "net/listener_filter.h"
#include "stats/stats.h"

namespace moe::filter::proxy_protocol {

struct VersionStats {
  explicit VersionStats(const stats::Scope& scope)
      : found(scope.counter("found")), disallowed(scope.counter("disallowed")),
        error(scope.counter("error")) {}
  stats::Counter& found;
  stats::Counter& disallowed;
  stats::Counter& error;
};

struct ProxyProtocolStats {
  explicit ProxyProtocolStats(const stats::Scope& scope)
      : notFoundAllowed(scope.counter("not_found_allowed")),
        notFoundDisallowed(scope.counter("not_found_disallowed")),
        versions{VersionStats(scope.child("versions").child("v1")),
                 VersionStats(scope.child("versions").child("v2"))} {}
  VersionStats& version(int number) { return versions[number == 1 ? 0 : 1]; }

  stats::Counter& notFoundAllowed;
  stats::Counter& notFoundDisallowed;
  std::array<VersionStats, 2> versions;
};

// What becomes of the values of one type.
struct TlvRule {
  enum class Encoding { Utf8, Base64 }; // Utf8: what is none becomes '!'
  std::string nameSpace;
  std::string key;
  Encoding encoding = Encoding::Utf8;
};

struct ProxyProtocolSettings {
  ParseOptions versions;
  bool required = true;
  std::array<std::unique_ptr<const TlvRule>, 256> rules; // null: not kept
};

// Takes a PROXY header off the front of a connection and believes what it says of its ends. Without
// one the connection is closed, unless it may do without. Whoever can connect can claim any
// address: only for listeners that a trusted proxy alone reaches.
class ProxyProtocol final : public net::ListenerFilter {
public:
  ProxyProtocol(const ProxyProtocolSettings& settings, ProxyProtocolStats& stats)
      : settings_(settings), stats_(stats) {}

  Status onAccept(net::AcceptedSocket& /*socket*/) override { return Status::NeedMore; }
  Status onData(net::AcceptedSocket& socket) override;
  size_t maxBytes() const override { return kMaxHeader; }

private:
  Status withoutHeader(std::string_view bytes);
  void apply(const Header& header, net::SocketFacts& facts) const;

  const ProxyProtocolSettings& settings_;
  ProxyProtocolStats& stats_;
  size_t needed_ = 1;
};

} // namespace moe::filter::proxy_protocol
