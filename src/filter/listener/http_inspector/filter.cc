#include "filter/listener/http_inspector/filter.h"

#include "filter/listener/new_bytes.h"

namespace moe::filter::http_inspector {

net::ListenerFilter::Status HttpInspector::onAccept(net::AcceptedSocket& socket) {
  return socket.facts.transport() == "raw_buffer" ? Status::NeedMore : Status::Continue;
}

net::ListenerFilter::Status HttpInspector::onData(net::AcceptedSocket& socket) {
  Kind kind = Kind::Undecided;
  forNewBytes(socket.in, seen_, [&](std::string_view bytes) {
    kind = detector_.feed(bytes);
    return kind == Kind::Undecided;
  });
  const auto found = [&](stats::Counter& counter, const char* protocol) {
    counter.inc();
    socket.facts.applicationProtocols = {protocol};
    return Status::Continue;
  };
  switch (kind) {
  case Kind::Undecided:
    if (seen_ >= kMaxBytes) {
      stats_.readError.inc();
      return Status::Close; // a request line that no codec here takes
    }
    return Status::NeedMore;
  case Kind::Http10:
    return found(stats_.http10, "http/1.0");
  case Kind::Http11:
    return found(stats_.http11, "http/1.1");
  case Kind::Http2:
    return found(stats_.http2, "h2c");
  case Kind::Other:
    break;
  }
  stats_.notFound.inc();
  return Status::Continue;
}

} // namespace moe::filter::http_inspector
