#include "tls/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/strings.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;

std::vector<uint8_t> bytesOf(const net::Address& ip) {
  const bool v4 = ip.family() == AF_INET;
  const auto* bytes = v4 ? reinterpret_cast<const uint8_t*>(
                               &reinterpret_cast<const sockaddr_in*>(ip.sockAddr())->sin_addr)
                         : reinterpret_cast<const uint8_t*>(
                               &reinterpret_cast<const sockaddr_in6*>(ip.sockAddr())->sin6_addr);
  return {bytes, bytes + (v4 ? sizeof(in_addr) : sizeof(in6_addr))};
}

bool samePrefix(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, uint32_t bits) {
  const size_t whole = bits / 8;
  const uint32_t rest = bits % 8;
  return std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(whole), b.begin()) &&
         (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

} // namespace

KeyLog::~KeyLog() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

absl::StatusOr<KeyLog::Ranges> KeyLog::readRanges(
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::CidrRange>& proto,
    const FieldPath& path) {
  Ranges ranges;
  for (int i = 0; i < proto.size(); ++i) {
    const FieldPath at = path.index(static_cast<size_t>(i));
    const auto address = net::Address::parseIp(proto[i].address_prefix(), 0);
    if (!address.ok()) {
      return fieldError(at.field("address_prefix"), base::message(address.status()));
    }
    Range range{(*address)->family(), bytesOf(**address), proto[i].prefix_len().value()};
    if (range.bits > range.bytes.size() * 8) {
      return fieldError(at.field("prefix_len"), base::cat(range.bits),
                        base::cat("0 to ", range.bytes.size() * 8));
    }
    ranges.push_back(std::move(range));
  }
  return ranges;
}

absl::StatusOr<std::shared_ptr<const KeyLog>>
KeyLog::open(const envoy::extensions::transport_sockets::tls::v3::TlsKeyLog& proto,
             const FieldPath& path) {
  auto log = std::make_shared<KeyLog>(Private());
  auto local = readRanges(proto.local_address_range(), path.field("local_address_range"));
  if (!local.ok()) {
    return local.status();
  }
  auto remote = readRanges(proto.remote_address_range(), path.field("remote_address_range"));
  if (!remote.ok()) {
    return remote.status();
  }
  log->local_ = std::move(*local);
  log->remote_ = std::move(*remote);
  log->fd_ = ::open(proto.path().c_str(),
                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (log->fd_ < 0) {
    const std::string reason = std::error_code(errno, std::generic_category()).message();
    return fieldError(path.field("path"),
                      base::cat("file ", config::inQuotes(proto.path()), ": ", reason));
  }
  return std::shared_ptr<const KeyLog>(std::move(log));
}

bool KeyLog::contains(const Ranges& ranges, const net::Address* address) {
  if (ranges.empty()) {
    return true;
  }
  if (address == nullptr || !address->isIp()) {
    return false;
  }
  const std::vector<uint8_t> bytes = bytesOf(*address);
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return range.family == address->family() && samePrefix(range.bytes, bytes, range.bits);
  });
}

bool KeyLog::wants(const net::Address* local, const net::Address* remote) const {
  return contains(local_, local) && contains(remote_, remote);
}

void KeyLog::write(std::string_view line) const {
  const std::string whole = base::cat(line, "\n");
  // A line that does not fit on the disk is lost, and nothing else.
  [[maybe_unused]] const ssize_t n = ::write(fd_, whole.data(), whole.size());
}

} // namespace moe::tls
