#include "admin/address.h"
#include "admin/admin.h"
#include "admin/certs.h"
#include "admin/clusters.h"
#include "admin/config_dump.h"
#include "admin/json.h"
#include "base/strings.h"
#include "base/time.h"
#include "config/field_path.h"
#include "envoy/admin/v3/listeners.pb.h"

namespace moe::admin {
namespace {

// format=text or json, text by default.
absl::StatusOr<bool> wantsJson(const Request& request) {
  const std::string* format = request.query.find("format");
  if (format == nullptr || *format == "text") {
    return false;
  }
  if (*format == "json") {
    return true;
  }
  return absl::InvalidArgumentError(
      base::cat("format: found ", config::inQuotes(*format), ", expected text or json"));
}

} // namespace

void Admin::addDumps() {
  add({.path = "/config_dump",
       .help = "the configuration in use, as JSON, without secrets",
       .parameters = {"include_eds"},
       .handler = [this](const Request& request) { return configDump(request); }});
  add({.path = "/certs",
       .help = "the certificates in use, as JSON",
       .handler = [this](const Request&) {
         return jsonOf(context_.tls == nullptr
                           ? envoy::admin::v3::Certificates()
                           : certificates(*context_.tls, base::wallNanos() / 1'000'000'000),
                       /*defaults=*/true);
       }});
  add({.path = "/clusters",
       .help = "clusters and their endpoints; format=text or json",
       .parameters = {"format"},
       .handler = [this](const Request& request) { return clusters(request); }});
  add({.path = "/listeners",
       .help = "listeners and their addresses; format=text or json",
       .parameters = {"format"},
       .handler = [this](const Request& request) { return listeners(request); }});
}

Response Admin::configDump(const Request& request) const {
  return jsonOf(admin::configDump(context_, request.query.has("include_eds"), since_));
}

Response Admin::clusters(const Request& request) const {
  const auto json = wantsJson(request);
  if (!json.ok()) {
    return badRequest(std::string(base::message(json.status())));
  }
  return *json ? jsonOf(clustersProto(context_)) : Response{.body = clustersText(context_)};
}

Response Admin::listeners(const Request& request) const {
  const auto json = wantsJson(request);
  if (!json.ok()) {
    return badRequest(std::string(base::message(json.status())));
  }
  envoy::admin::v3::Listeners proto;
  std::string text;
  for (const BoundListener& listener : context_.listeners()) {
    auto& status = *proto.add_listener_statuses();
    status.set_name(listener.name);
    *status.mutable_local_address() = toProto(*listener.address);
    text.append(base::cat(listener.name, "::", listener.address->asString(), "\n"));
    for (const net::AddressPtr& address : listener.additional) {
      *status.add_additional_local_addresses() = toProto(*address);
      text.append(base::cat(listener.name, "::", address->asString(), "\n"));
    }
  }
  return *json ? jsonOf(proto) : Response{.body = std::move(text)};
}

} // namespace moe::admin
