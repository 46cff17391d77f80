#include "filter/listener/proxy_protocol/filter.h"

#include <absl/strings/escaping.h>

#include "config/utf8.h"

namespace moe::filter::proxy_protocol {
namespace {

// The text with '!' for each byte that is not part of a character.
std::string asUtf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    size_t length = 1;
    while (length <= 4 && length <= bytes.size() && !config::isUtf8(bytes.substr(0, length))) {
      ++length;
    }
    const bool good = length <= 4 && length <= bytes.size();
    out.append(good ? bytes.substr(0, length) : std::string_view("!"));
    bytes.remove_prefix(good ? length : 1);
  }
  return out;
}

std::string encoded(std::string_view value, TlvRule::Encoding encoding) {
  if (encoding == TlvRule::Encoding::Base64) {
    return absl::Base64Escape({value.data(), value.size()});
  }
  return config::isUtf8(value) ? std::string(value) : asUtf8(value);
}

} // namespace

net::ListenerFilter::Status ProxyProtocol::onData(net::AcceptedSocket& socket) {
  if (socket.in.size() < needed_) {
    return Status::NeedMore;
  }
  // An answer is never further away than `needed_` was: no more than that is put in one piece.
  const size_t looked = std::min(socket.in.size(), std::max<size_t>(needed_, 256));
  const std::string_view bytes = socket.in.linearize(socket.slab, looked);
  Header header;
  const ParseResult result = parseHeader(bytes, settings_.versions, header);
  switch (result.state) {
  case ParseState::NeedMore:
    needed_ = result.needed;
    return socket.in.size() < needed_ ? Status::NeedMore : onData(socket);
  case ParseState::NotProxy:
    return withoutHeader(bytes);
  case ParseState::Malformed:
    stats_.version(result.version).error.inc();
    return Status::Close;
  case ParseState::Found:
    break;
  }
  stats_.version(header.version).found.inc();
  apply(header, socket.facts);
  socket.in.drain(header.size);
  return Status::Continue;
}

net::ListenerFilter::Status ProxyProtocol::withoutHeader(std::string_view bytes) {
  if (!settings_.required) {
    stats_.notFoundAllowed.inc();
    return Status::Continue;
  }
  // Of a version that is off, or of none?
  Header header;
  const ParseResult any = parseHeader(bytes, {}, header);
  if (any.state == ParseState::NotProxy || any.version == 0) {
    stats_.notFoundDisallowed.inc();
  } else {
    stats_.version(any.version).disallowed.inc();
  }
  return Status::Close;
}

void ProxyProtocol::apply(const Header& header, net::SocketFacts& facts) const {
  for (const Tlv& tlv : header.tlvs) {
    if (const TlvRule* rule = settings_.rules[tlv.type].get(); rule != nullptr) {
      facts.metadata.push_back({rule->nameSpace, rule->key, encoded(tlv.value, rule->encoding)});
    }
  }
  if (header.local) {
    return;
  }
  facts.remote = header.source;
  if (!(*header.destination == *facts.local)) {
    facts.local = header.destination;
    facts.localRestored = true;
  }
}

} // namespace moe::filter::proxy_protocol
