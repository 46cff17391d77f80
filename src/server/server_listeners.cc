#include <set>

#include "base/strings.h"
#include "server/server.h"

namespace moe::server {

using config::fieldError;
using config::FieldPath;

absl::Status Server::compileListeners() {
  RuntimeLayers runtime(bootstrap_.layered_runtime());
  std::set<std::string> names;
  std::set<std::string> addresses;
  const FieldPath path = FieldPath("static_resources").field("listeners");
  for (int i = 0; i < bootstrap_.static_resources().listeners_size(); ++i) {
    const FieldPath at = path.index(static_cast<size_t>(i));
    auto listener = compileListener(bootstrap_.static_resources().listeners(i), at,
                                    listenerFilters_, networkFilters_, *context_, runtime);
    if (!listener.ok()) {
      return listener.status();
    }
    if (!(*listener)->name.empty() && !names.insert((*listener)->name).second) {
      return fieldError(at.field("name"), base::cat("\"", (*listener)->name, "\" again"),
                        "a name that no other listener has");
    }
    for (const ListenAddress& address : (*listener)->addresses) {
      const std::string& text = address.address->asString();
      if ((!address.address->isIp() || address.address->port() != 0) &&
          !addresses.insert(text).second) {
        return fieldError(address.path, base::cat(text, " again"),
                          "an address that no other listener has");
      }
    }
    listeners_.push_back(std::move(*listener));
  }
  return ignore(runtime.unused());
}

absl::Status Server::bind() {
  for (uint32_t i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(std::make_unique<WorkerThread>(i, *clusters_, overloadState_));
    workerLoops_.add(workers_.back()->loop());
  }
  for (const ListenerConfigPtr& listener : listeners_) {
    if (absl::Status status = bind(listener); !status.ok()) {
      return locations_.annotate(status);
    }
  }
  return startAdmin();
}

absl::Status Server::bind(const ListenerConfigPtr& listener) {
  std::vector<std::vector<ListenSocket>> sockets(workers_.size());
  admin::BoundListener bound{listener->name, nullptr, {}};
  for (const ListenAddress& wanted : listener->addresses) {
    net::AddressPtr address = wanted.address;
    for (size_t worker = 0; listener->bindToPort && worker < workers_.size(); ++worker) {
      // A UNIX socket cannot be shared by port.
      const bool share = worker > 0 && (!listener->reusePort || !address->isIp());
      auto socket = share ? net::duplicate(sockets[0].back().fd)
                          : net::listenOn(*address, {.backlog = listener->backlog,
                                                     .reusePort = listener->reusePort,
                                                     .transparent = listener->transparent,
                                                     .freebind = listener->freebind,
                                                     .ipv6Only = !wanted.ipv4Compat});
      if (!socket.ok()) {
        return fieldError(wanted.path, base::message(socket.status()));
      }
      // Port 0: the first socket gets one, the others share it.
      address = net::Address::localOf(socket->get());
      sockets[worker].push_back({std::move(*socket), address});
    }
    MOE_LOG(*logger_, info, "listener {} on {}{}", listener->name, address->asString(),
            listener->bindToPort ? "" : " (not bound)");
    if (bound.address == nullptr) {
      bound.address = address;
    } else {
      bound.additional.push_back(address);
    }
  }
  for (size_t worker = 0; worker < workers_.size(); ++worker) {
    workers_[worker]->addListener(listener, std::move(sockets[worker]));
  }
  bound_.push_back(std::move(bound));
  return absl::OkStatus();
}

} // namespace moe::server
