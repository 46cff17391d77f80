#include "filter/listener/tls_inspector/client_hello.h"

#include <absl/strings/ascii.h>

#include <algorithm>

namespace moe::filter::tls_inspector {
namespace {

constexpr size_t kRecordHeader = 5;
constexpr size_t kMessageHeader = 4;
constexpr size_t kMaxRecord = 16384; // RFC 8446 section 5.1
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kClientHello = 1;
constexpr uint16_t kServerName = 0;
constexpr uint16_t kAlpn = 16;

uint8_t byteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

// Takes values from the front; once one is missing, nothing more can be taken.
class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  bool ok() const { return ok_; }

  std::string_view take(size_t n) {
    if (n > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view out = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return out;
  }
  // A number of `size` bytes.
  size_t number(size_t size) {
    size_t out = 0;
    for (const char c : take(size)) {
      out = out << 8 | static_cast<uint8_t>(c);
    }
    return out;
  }
  // A vector with its length, of `size` bytes, before it.
  std::string_view vector(size_t size) { return take(number(size)); }

private:
  std::string_view bytes_;
  bool ok_ = true;
};

// One name of type host_name is all that was ever defined.
bool readServerName(std::string_view extension, ClientHello& out) {
  Reader reader(extension);
  Reader list(reader.vector(2));
  const size_t type = list.number(1);
  const std::string_view name = list.vector(2);
  constexpr size_t longest = 255;
  if (!reader.ok() || !reader.empty() || !list.ok() || !list.empty() || type != 0 || name.empty() ||
      name.size() > longest || name.find('\0') != name.npos) {
    return false;
  }
  out.serverName = absl::AsciiStrToLower(std::string(name));
  return true;
}

// A malformed list is the TLS library's to refuse.
void readAlpn(std::string_view extension, ClientHello& out) {
  Reader reader(extension);
  Reader list(reader.vector(2));
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::string_view name = list.vector(1);
    if (!list.ok() || name.empty()) {
      return;
    }
    names.emplace_back(name);
  }
  if (reader.ok() && reader.empty()) {
    out.alpn = std::move(names);
  }
}

bool readExtensions(std::string_view extensions, ClientHello& out) {
  Reader reader(extensions);
  std::vector<uint16_t> seen;
  while (!reader.empty()) {
    const auto type = static_cast<uint16_t>(reader.number(2));
    const std::string_view data = reader.vector(2);
    if (!reader.ok()) {
      return false;
    }
    seen.push_back(type);
    if (type == kServerName && !readServerName(data, out)) {
      return false;
    }
    if (type == kAlpn) {
      readAlpn(data, out);
    }
  }
  std::sort(seen.begin(), seen.end());
  return std::adjacent_find(seen.begin(), seen.end()) == seen.end();
}

} // namespace

std::optional<ClientHello> parseClientHello(std::string_view body) {
  Reader reader(body);
  const size_t version = reader.number(2);
  reader.take(32); // random
  const std::string_view session = reader.vector(1);
  const std::string_view ciphers = reader.vector(2);
  const std::string_view compression = reader.vector(1);
  constexpr size_t tls10 = 0x0301;
  if (!reader.ok() || version < tls10 || version >= 0x0400 || session.size() > 32 ||
      ciphers.empty() || ciphers.size() % 2 != 0 || compression.empty()) {
    return std::nullopt;
  }
  ClientHello out;
  if (reader.empty()) {
    return out; // before TLS 1.2 there may be no extensions at all
  }
  const std::string_view extensions = reader.vector(2);
  if (!reader.ok() || !reader.empty() || !readExtensions(extensions, out)) {
    return std::nullopt;
  }
  return out;
}

bool ClientHelloReader::recordHeader() {
  const std::string_view h = header_;
  if (byteAt(h, 0) != kHandshake || (h.size() > 1 && byteAt(h, 1) != 3)) {
    return false;
  }
  if (h.size() < kRecordHeader) {
    return true;
  }
  recordLeft_ = static_cast<size_t>(byteAt(h, 3)) << 8 | byteAt(h, 4);
  return recordLeft_ > 0 && recordLeft_ <= kMaxRecord; // section 5.1: none is empty
}

bool ClientHelloReader::messageHeader() const {
  return message_.empty() || byteAt(message_, 0) == kClientHello;
}

size_t ClientHelloReader::missing() const {
  if (message_.size() < kMessageHeader) {
    return kMessageHeader - message_.size();
  }
  const size_t length = static_cast<size_t>(byteAt(message_, 1)) << 16 |
                        static_cast<size_t>(byteAt(message_, 2)) << 8 | byteAt(message_, 3);
  return kMessageHeader + length - message_.size();
}

ClientHelloReader::State ClientHelloReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes_ >= maxBytes_) {
      return State::TooLarge;
    }
    if (recordLeft_ == 0) {
      header_.push_back(bytes.front());
      bytes.remove_prefix(1);
      ++bytes_;
      if (!recordHeader()) {
        return State::NotTls;
      }
      if (header_.size() == kRecordHeader) {
        header_.clear();
      }
      continue;
    }
    const size_t n = std::min({bytes.size(), recordLeft_, missing(), maxBytes_ - bytes_});
    message_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    bytes_ += n;
    recordLeft_ -= n;
    if (!messageHeader()) {
      return State::NotTls;
    }
    if (missing() == 0) {
      auto hello = parseClientHello(std::string_view(message_).substr(kMessageHeader));
      if (!hello.has_value()) {
        return State::NotTls;
      }
      hello_ = std::move(*hello);
      return State::Found;
    }
  }
  return bytes_ >= maxBytes_ ? State::TooLarge : State::NeedMore;
}

} // namespace moe::filter::tls_inspector
