#include "server/listener_sockets.h"

#include "base/strings.h"

namespace moe::server {
namespace {

net::ListenOptions optionsFor(const ListenerConfig& config, const ListenAddress& address) {
  return {.backlog = config.backlog,
          .reusePort = config.reusePort,
          .transparent = config.transparent,
          .freebind = config.freebind,
          .ipv6Only = !address.ipv4Compat};
}

absl::Status at(const ListenAddress& wanted, const absl::Status& status) {
  return config::fieldError(wanted.path, base::message(status));
}

} // namespace

absl::StatusOr<ListenerSockets> SocketBinder::bind(const ListenerConfig& config,
                                                   const ListenerSockets* before, size_t workers) {
  absl::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
  ListenerSockets out;
  out.added.resize(workers);
  std::vector<BoundAddress> had;
  if (before != nullptr) {
    had = before->addresses;
  }
  for (const ListenAddress& wanted : config.addresses) {
    BoundAddress bound{.wanted = wanted.address->asString(),
                       .options = optionsFor(config, wanted),
                       .address = wanted.address};
    if (config.bindToPort) {
      const auto old = std::find_if(had.begin(), had.end(), [&](const BoundAddress& each) {
        return each.id != 0 && each.wanted == bound.wanted;
      });
      if (old != had.end() && old->options == bound.options) {
        out.addresses.push_back(std::move(*old));
        had.erase(old); // another one with port 0 is another one
        continue;
      }
      // A pipe is a name in a folder: another socket would take it from the one that serves.
      if (old != had.end() &&
          !(wanted.address->isIp() && old->options.reusePort && bound.options.reusePort)) {
        return config::fieldError(
            wanted.path, base::cat(bound.wanted, " with other socket options"),
            "those that it has, or enable_reuse_port both before and after the change");
      }
      if (absl::Status status = add(wanted, bound, out); !status.ok()) {
        return status;
      }
    }
    out.addresses.push_back(std::move(bound));
  }
  return out;
}

absl::Status SocketBinder::add(const ListenAddress& wanted, BoundAddress& bound,
                               ListenerSockets& out) {
  bound.id = nextId_++;
  // A UNIX socket cannot be shared by port.
  if (!bound.options.reusePort || !bound.address->isIp()) {
    return addShared(wanted, bound, out);
  }
  for (auto& sockets : out.added) {
    auto socket = net::bindTo(*bound.address, bound.options);
    if (!socket.ok()) {
      return at(wanted, socket.status());
    }
    // Port 0: the first socket gets one, the others share it.
    bound.address = net::Address::localOf(socket->get());
    sockets.push_back({bound.id, std::move(*socket), bound.address});
  }
  return absl::OkStatus();
}

absl::Status SocketBinder::addShared(const ListenAddress& wanted, BoundAddress& bound,
                                     ListenerSockets& out) {
  // Of a listener that was removed, but whose workers have not let go of it yet?
  if (const auto found = shared_.find(bound.wanted); found != shared_.end()) {
    bound.shared = found->second.lock();
  }
  if (bound.shared == nullptr || bound.shared->options != bound.options) {
    auto socket = net::bindTo(*bound.address, bound.options);
    if (!socket.ok()) {
      return at(wanted, socket.status());
    }
    bound.shared = std::make_shared<const ExclusiveSocket>(std::move(*socket), bound.options);
  }
  bound.address = net::Address::localOf(bound.shared->fd.get());
  shared_[bound.address->asString()] = bound.shared;
  for (auto& sockets : out.added) {
    auto socket = net::duplicate(bound.shared->fd);
    if (!socket.ok()) {
      return at(wanted, socket.status());
    }
    sockets.push_back({bound.id, std::move(*socket), bound.address, bound.shared});
  }
  return absl::OkStatus();
}

absl::Status SocketBinder::listen(const ListenerConfig& config, const ListenerSockets& sockets) {
  for (const auto& ofWorker : sockets.added) {
    for (const ListenSocket& socket : ofWorker) {
      for (size_t i = 0; i < sockets.addresses.size(); ++i) {
        const BoundAddress& bound = sockets.addresses[i];
        if (bound.id != socket.id) {
          continue;
        }
        if (absl::Status status = net::startListening(socket.fd, *bound.address, bound.options);
            !status.ok()) {
          return at(config.addresses[i], status);
        }
      }
    }
  }
  return absl::OkStatus();
}

} // namespace moe::server
