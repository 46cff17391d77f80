#include "admin/admin.h"

#include <chrono>

#include "base/strings.h"
#include "base/time.h"
#include "http/path.h"

namespace moe::admin {

Admin::Admin(Context context)
    : context_(std::move(context)), serverStats_(context_.stats),
      startNanos_(base::monotonicNanos()),
      headers_(std::make_shared<http::HeaderMapPool>(context_.worker.slab)) {
  since_.set_seconds(std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count());
  settings_.acceptHttp10 = true;
  settings_.defaultHostForHttp10 = "admin";
  addBasics();
  addStats();
  addDumps();
  addChanges();
}

Admin::~Admin() = default;

void Admin::add(Endpoint endpoint) {
  std::string path = endpoint.path;
  endpoints_.insert_or_assign(std::move(path), std::move(endpoint));
}

absl::Status Admin::listen(const net::AddressPtr& address) {
  // Not shared: a second process on this port is a mistake, not a second worker.
  auto socket = net::listenOn(*address, {.backlog = 128, .reusePort = false});
  if (!socket.ok()) {
    return socket.status();
  }
  net::AddressPtr bound = net::Address::localOf(socket->get());
  listener_ = std::make_unique<net::Listener>(
      context_.worker.loop, std::move(*socket), std::move(bound),
      [this](net::Fd fd, net::AddressPtr local, net::AddressPtr remote) {
        accept(std::move(fd), std::move(local), std::move(remote));
      });
  return absl::OkStatus();
}

void Admin::accept(net::Fd fd, net::AddressPtr local, net::AddressPtr remote) {
  ConnectionOwner& self = *this;
  auto connection =
      std::make_unique<AdminConnection>(self, context_.worker, headers_, settings_, std::move(fd),
                                        std::move(local), std::move(remote));
  AdminConnection& made = *connection;
  connections_.emplace(&made, std::move(connection));
  made.start();
}

void Admin::connectionGone(AdminConnection& connection) {
  auto found = connections_.extract(&connection);
  context_.worker.loop.deferredDelete(std::move(found.mapped()));
}

Response Admin::handle(std::string_view method, std::string_view target, std::string body) {
  Request request{.method = std::string(method),
                  .path = std::string(http::pathOnly(target)),
                  .query = {},
                  .body = std::move(body)};
  const auto found = endpoints_.find(request.path);
  if (found == endpoints_.end()) {
    return {.status = 404,
            .body = base::cat("found no ", request.path, ", expected one of:\n", index(false))};
  }
  const Endpoint& endpoint = found->second;
  if (endpoint.access == Endpoint::Access::Changes && method != "POST") {
    return methodNotAllowed(request, "POST");
  }
  auto query = Query::parse(http::queryOf(target));
  if (!query.ok()) {
    return badRequest(std::string(base::message(query.status())));
  }
  if (absl::Status known = query->expectOnly(endpoint.parameters);
      !known.ok() && !endpoint.anyParameter) {
    return badRequest(std::string(base::message(known)));
  }
  request.query = std::move(*query);
  return endpoint.handler(request);
}

State Admin::state() const {
  const State state = context_.state();
  return healthCheckFailed_ && state == envoy::admin::v3::ServerInfo::LIVE
             ? envoy::admin::v3::ServerInfo::DRAINING
             : state;
}

int64_t Admin::uptimeSeconds() const {
  return (base::monotonicNanos() - startNanos_) / 1'000'000'000;
}

} // namespace moe::admin
