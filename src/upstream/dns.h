#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "event/loop.h"
#include "net/address.h"

namespace moe::upstream {

enum class DnsFamily { V4Only, V6Only, V4Preferred, Auto, All };

struct DnsAnswer {
  // Not OK: the servers have not answered; names the host and the reason. That a name does not
  // exist, or has no address of the family, is an answer: OK, without addresses.
  absl::Status status;
  std::vector<net::AddressPtr> addresses; // port 0
  uint32_t ttlSeconds = 0;                // the smallest; 0 if unknown
};

// Looks names up on one loop without blocking, as c-ares does: /etc/hosts, then DNS.
class DnsResolver {
public:
  using Callback = std::function<void(DnsAnswer answer)>;
  virtual ~DnsResolver() = default; // pending callbacks are not called any more
  virtual void resolve(const std::string& name, DnsFamily family, Callback callback) = 0;
};

// `servers`: "address:port" of DNS servers to ask; empty for the system's.
absl::StatusOr<std::unique_ptr<DnsResolver>>
createDnsResolver(event::Loop& loop, const std::vector<std::string>& servers);

} // namespace moe::upstream
