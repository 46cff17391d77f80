#pragma once

#include <map>
#include <memory>
#include <string>

#include "admin/connection.h"
#include "admin/context.h"
#include "admin/message.h"
#include "admin/server_stats.h"
#include "net/listener.h"

namespace moe::admin {

// The admin interface: an HTTP/1 server on the main thread's loop. Main thread; nothing of the
// request path knows of it. Destroy it before what its context refers to.
class Admin final : private ConnectionOwner {
public:
  explicit Admin(Context context);
  ~Admin();

  // Another endpoint, before or after listen(); one with the same path is replaced.
  void add(Endpoint endpoint);
  // Binds and serves. Errors name the address and the system's reason.
  absl::Status listen(const net::AddressPtr& address);
  // As bound, with the port that the system chose; null before listen().
  net::AddressPtr address() const { return listener_ == nullptr ? nullptr : listener_->address(); }

  // One request given as its parts. `target`: path and query.
  Response handle(std::string_view method, std::string_view target, std::string body) override;
  // As the server's, but DRAINING after POST /healthcheck/fail.
  State state() const;

private:
  void connectionGone(AdminConnection& connection) override;
  void accept(net::Fd fd, net::AddressPtr local, net::AddressPtr remote);
  void addBasics();
  void addStats();
  void addDumps();
  void addChanges();
  int64_t uptimeSeconds() const;
  std::string index(bool html) const;
  Response ready() const;
  Response serverInfo() const;
  Response stats(const Request& request, bool prometheus);
  Response configDump(const Request& request) const;
  Response clusters(const Request& request) const;
  Response listeners(const Request& request) const;
  Response logging(const Request& request);

  Context context_;
  ServerStats serverStats_;
  google::protobuf::Timestamp since_;
  int64_t startNanos_;
  bool healthCheckFailed_ = false;
  std::map<std::string, Endpoint, std::less<>> endpoints_;
  http::Http1ServerSettings settings_;
  std::shared_ptr<http::HeaderMapPool> headers_;
  std::map<AdminConnection*, std::unique_ptr<AdminConnection>> connections_;
  std::unique_ptr<net::Listener> listener_;
};

} // namespace moe::admin
