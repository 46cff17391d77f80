#include "upstream/cluster_transports.h"

#include <algorithm>

#include "base/strings.h"
#include "upstream/metadata_match.h"

namespace moe::upstream {
namespace {

using config::fieldError;
using config::FieldPath;

absl::StatusOr<tls::ClientContextHandle>
compileOne(const envoy::config::core::v3::TransportSocket& proto, const FieldPath& path,
           const ClusterTls* tls) {
  if (tls == nullptr) {
    return fieldError(path, config::inQuotes(proto.name()), "none: connections are in clear text");
  }
  return tls->compiler.client(proto, path, tls->use);
}

} // namespace

absl::StatusOr<std::shared_ptr<const ClusterTransports>>
ClusterTransports::compile(const envoy::config::cluster::v3::Cluster& proto, const FieldPath& path,
                           const ClusterTls* tls) {
  auto out = std::make_shared<ClusterTransports>();
  bool any = false;
  for (int i = 0; i < proto.transport_socket_matches_size(); ++i) {
    const auto& match = proto.transport_socket_matches(i);
    const FieldPath at = path.field("transport_socket_matches").index(static_cast<size_t>(i));
    Match made;
    for (const auto& [key, value] : match.match().fields()) {
      made.wanted.emplace_back(key, canonicalValue(value));
    }
    if (!match.has_transport_socket()) { // clear text must be asked for
      return config::fieldError(at.field("transport_socket"), "none",
                                "a transport socket, such as envoy.transport_sockets.raw_buffer");
    }
    auto context = compileOne(match.transport_socket(), at.field("transport_socket"), tls);
    if (!context.ok()) {
      return context.status();
    }
    made.context = std::move(*context);
    any = any || made.context;
    out->matches_.push_back(std::move(made));
  }
  if (proto.has_transport_socket()) {
    auto context = compileOne(proto.transport_socket(), path.field("transport_socket"), tls);
    if (!context.ok()) {
      return context.status();
    }
    out->default_ = std::move(*context);
    any = any || out->default_;
  }
  return any ? out : nullptr;
}

// The first match whose values the host has; as Envoy, in "envoy.transport_socket_match".
const tls::ClientContextHandle* ClusterTransports::contextFor(const Host& host) const {
  const auto unlessNone = [](const tls::ClientContextHandle& context) {
    return context ? &context : nullptr;
  };
  if (matches_.empty()) {
    return unlessNone(default_);
  }
  const Host::Metadata& metadata = host.description().metadata == nullptr
                                       ? Host::Metadata::default_instance()
                                       : *host.description().metadata;
  const auto& all = metadata.filter_metadata();
  const auto found = all.find("envoy.transport_socket_match");
  for (const Match& match : matches_) {
    const bool fits =
        std::all_of(match.wanted.begin(), match.wanted.end(), [&](const auto& wanted) {
          if (found == all.end()) {
            return false;
          }
          const auto value = found->second.fields().find(wanted.first);
          return value != found->second.fields().end() &&
                 canonicalValue(value->second) == wanted.second;
        });
    if (fits) {
      return unlessNone(match.context);
    }
  }
  return unlessNone(default_);
}

std::unique_ptr<net::TransportSocket>
ClusterTransports::create(uint32_t worker, const Host& host, std::optional<PoolProtocol> protocol,
                          std::shared_ptr<tls::ClientSessions> sessions,
                          tls::TlsStats& stats) const {
  const tls::ClientContextHandle* handle = contextFor(host);
  if (handle == nullptr) {
    return nullptr;
  }
  const tls::ClientContext* context = handle->get(worker);
  if (context == nullptr) {
    return tls::createNotReadyTransport();
  }
  tls::ClientOptions options;
  options.hostname = host.hostname();
  options.remote = host.address().get();
  options.sessions = std::move(sessions);
  if (protocol.has_value()) {
    options.alpnFallback = *protocol == PoolProtocol::Http2   ? http2_
                           : *protocol == PoolProtocol::Http1 ? http1_
                                                              : both_;
  }
  return tls::createClientTransport(*context, options, stats);
}

} // namespace moe::upstream
