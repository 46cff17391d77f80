#include "filter/listener/tls_inspector/filter.h"

#include <algorithm>

#include "filter/listener/new_bytes.h"

namespace moe::filter::tls_inspector {

net::ListenerFilter::Status TlsInspector::onData(net::AcceptedSocket& socket) {
  using State = ClientHelloReader::State;
  State state = State::NeedMore;
  forNewBytes(socket.in, seen_, [&](std::string_view bytes) {
    state = reader_.feed(bytes);
    return state == State::NeedMore;
  });
  if (state == State::NeedMore) {
    while (limit_ <= socket.in.size() && limit_ < settings_.maxBytes) {
      limit_ = std::min(limit_ * 2, settings_.maxBytes);
    }
    return Status::NeedMore;
  }
  stats_.bytesProcessed.record(reader_.bytes());
  switch (state) {
  case State::Found:
    return found(socket.facts);
  case State::TooLarge:
    stats_.tooLarge.inc();
    return Status::Close;
  default:
    if (settings_.closeOnErrors) {
      return Status::Close;
    }
    stats_.notFound.inc();
    return Status::Continue;
  }
}

net::ListenerFilter::Status TlsInspector::found(net::SocketFacts& facts) {
  const ClientHello& hello = reader_.hello();
  stats_.found.inc();
  (hello.serverName.empty() ? stats_.sniNotFound : stats_.sniFound).inc();
  (hello.alpn.empty() ? stats_.alpnNotFound : stats_.alpnFound).inc();
  facts.transportProtocol = "tls";
  facts.serverName = hello.serverName;
  if (!hello.alpn.empty()) {
    facts.applicationProtocols = hello.alpn;
  }
  return Status::Continue;
}

} // namespace moe::filter::tls_inspector
