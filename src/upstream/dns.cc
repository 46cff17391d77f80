#include "upstream/dns.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/strings.h"
#include "net/fd_watcher.h"

namespace moe::upstream {
namespace {

class CaresResolver final : public DnsResolver {
public:
  explicit CaresResolver(event::Loop& loop)
      : loop_(loop), timer_(loop.createTimer([this] { timedOut(); })) {}
  ~CaresResolver() override {
    if (channel_ != nullptr) {
      destroying_ = true;
      ares_destroy(channel_); // ends every query with ARES_EDESTRUCTION
    }
  }

  absl::Status initialize(const std::vector<std::string>& servers) {
    ares_options options{};
    options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
      static_cast<CaresResolver*>(self)->socketState(fd, read != 0, write != 0);
    };
    options.sock_state_cb_data = this;
    options.timeout = 2000;
    options.tries = 3;
    const int code = ares_init_options(
        &channel_, &options, ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (code != ARES_SUCCESS) {
      channel_ = nullptr;
      return absl::InternalError(base::cat("c-ares: ", ares_strerror(code)));
    }
    if (!servers.empty()) {
      std::string list;
      for (const std::string& server : servers) {
        list += list.empty() ? server : "," + server;
      }
      const int set = ares_set_servers_ports_csv(channel_, list.c_str());
      if (set != ARES_SUCCESS) {
        return absl::InvalidArgumentError(base::cat(
            "DNS servers: found ", list, ", expected ADDRESS:PORT, ...: ", ares_strerror(set)));
      }
    }
    return absl::OkStatus();
  }

  void resolve(const std::string& name, DnsFamily family, Callback callback) override {
    ares_addrinfo_hints hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_family = family == DnsFamily::V4Only   ? AF_INET
                      : family == DnsFamily::V6Only ? AF_INET6
                                                    : AF_UNSPEC;
    auto query = std::make_unique<Query>(Query{*this, name, family, std::move(callback)});
    ares_getaddrinfo(
        channel_, name.c_str(), nullptr, &hints,
        [](void* arg, int status, int /*timeouts*/, ares_addrinfo* result) {
          const std::unique_ptr<Query> done(static_cast<Query*>(arg));
          done->resolver.finished(*done, status, result);
        },
        query.release());
    armTimer();
  }

private:
  struct Query {
    CaresResolver& resolver;
    std::string name;
    DnsFamily family;
    Callback callback;
  };

  void finished(Query& query, int status, ares_addrinfo* result) {
    if (destroying_) {
      return;
    }
    DnsAnswer answer;
    if (status == ARES_SUCCESS) {
      collect(*result, query.family, answer);
    } else if (status != ARES_ENOTFOUND && status != ARES_ENODATA) {
      answer.status = absl::UnavailableError(
          base::cat("cannot resolve \"", query.name, "\": ", ares_strerror(status)));
    }
    if (result != nullptr) {
      ares_freeaddrinfo(result);
    }
    // Later: c-ares is in the middle of its own lists.
    loop_.post([alive = std::weak_ptr<bool>(alive_), callback = std::move(query.callback),
                answer = std::move(answer)]() mutable {
      if (!alive.expired()) {
        callback(std::move(answer));
      }
    });
  }

  static void collect(const ares_addrinfo& result, DnsFamily family, DnsAnswer& answer) {
    const auto add = [&](int wanted) {
      for (const ares_addrinfo_node* node = result.nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family != wanted) {
          continue;
        }
        sockaddr_storage storage{};
        std::memcpy(&storage, node->ai_addr, std::min<size_t>(node->ai_addrlen, sizeof(storage)));
        answer.addresses.push_back(
            net::Address::fromSockaddr(storage, node->ai_addrlen)->withPort(0));
        const auto ttl = static_cast<uint32_t>(std::max(node->ai_ttl, 0));
        answer.ttlSeconds = answer.ttlSeconds == 0 ? ttl : std::min(answer.ttlSeconds, ttl);
      }
    };
    if (family != DnsFamily::V6Only) {
      // AUTO asks for IPv6 first, V4_PREFERRED and ALL for IPv4.
      if (family == DnsFamily::Auto) {
        add(AF_INET6);
        if (!answer.addresses.empty()) {
          return;
        }
      }
      add(AF_INET);
      if (family != DnsFamily::All && !answer.addresses.empty()) {
        return;
      }
    }
    if (family != DnsFamily::V4Only && family != DnsFamily::Auto) {
      add(AF_INET6);
    }
  }

  void socketState(int fd, bool read, bool write) {
    if (!read && !write) {
      watchers_.erase(fd);
      return;
    }
    auto& watcher = watchers_[fd];
    if (watcher == nullptr) {
      watcher = std::make_unique<net::FdWatcher>(loop_, fd, [this, fd](int events) {
        ares_process_fd(channel_, (events & net::FdWatcher::kRead) != 0 ? fd : ARES_SOCKET_BAD,
                        (events & net::FdWatcher::kWrite) != 0 ? fd : ARES_SOCKET_BAD);
        armTimer();
      });
    }
    watcher->watch((read ? net::FdWatcher::kRead : 0) | (write ? net::FdWatcher::kWrite : 0));
  }

  void armTimer() {
    timeval storage{};
    if (const timeval* wait = ares_timeout(channel_, nullptr, &storage); wait != nullptr) {
      timer_->enable(base::Milliseconds(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
    }
  }
  void timedOut() {
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (!watchers_.empty()) {
      armTimer();
    }
  }

  event::Loop& loop_;
  std::unique_ptr<event::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<int, std::unique_ptr<net::FdWatcher>> watchers_;
  ares_channel channel_ = nullptr;
  bool destroying_ = false;
};

} // namespace

absl::StatusOr<std::unique_ptr<DnsResolver>>
createDnsResolver(event::Loop& loop, const std::vector<std::string>& servers) {
  auto resolver = std::make_unique<CaresResolver>(loop);
  if (absl::Status status = resolver->initialize(servers); !status.ok()) {
    return status;
  }
  return resolver;
}

} // namespace moe::upstream
