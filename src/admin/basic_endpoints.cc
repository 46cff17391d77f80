#include <algorithm>

#include "admin/admin.h"
#include "admin/json.h"
#include "base/strings.h"
#include "config/field_path.h"

// What the process is and does: index, state, memory, log level, its end.
namespace moe::admin {
namespace {

using envoy::admin::v3::ServerInfo;

constexpr std::string_view kLevels[] = {"trace", "debug",    "info", "warning",
                                        "error", "critical", "off"};

std::string parametersOf(const Endpoint& endpoint) {
  std::string out;
  for (const std::string& parameter : endpoint.parameters) {
    out.append(out.empty() ? " (?" : ", ?").append(parameter);
  }
  return out.empty() ? out : base::cat(out, ")");
}

} // namespace

void Admin::addBasics() {
  add({.path = "/", .help = "this page", .handler = [this](const Request&) {
         return Response{.body = index(true), .contentType = "text/html; charset=UTF-8"};
       }});
  add({.path = "/help", .help = "these lines", .handler = [this](const Request&) {
         return Response{.body = index(false)};
       }});
  add({.path = "/ready",
       .help = "200 LIVE, or 503 with the state",
       .handler = [this](const Request&) { return ready(); }});
  add({.path = "/server_info",
       .help = "version, state, uptime and command line, as JSON",
       .handler = [this](const Request&) { return serverInfo(); }});
  add({.path = "/memory", .help = "memory in bytes, as JSON", .handler = [](const Request&) {
         return jsonOf(memoryNow(), true);
       }});
  add({.path = "/ignored_fields",
       .help = "fields of the configuration that are set and have no effect",
       .handler = [this](const Request&) {
         Response out;
         for (const std::string& line :
              context_.ignoredFields ? context_.ignoredFields() : std::vector<std::string>()) {
           out.body.append(line).push_back('\n');
         }
         return out;
       }});
}

void Admin::addChanges() {
  using Access = Endpoint::Access;
  add({.path = "/logging",
       .help = "the log level; POST ?level= changes it",
       .access = Access::Either,
       .parameters = {"level"},
       .handler = [this](const Request& request) { return logging(request); }});
  add({.path = "/quitquitquit",
       .help = "ends the process as SIGTERM does",
       .access = Access::Changes,
       .handler = [this](const Request&) {
         context_.quit();
         return Response{.body = "OK\n"};
       }});
  for (const bool fail : {true, false}) {
    add({.path = fail ? "/healthcheck/fail" : "/healthcheck/ok",
         .help = fail ? "/ready says DRAINING from now on" : "/ready says the true state again",
         .access = Access::Changes,
         .handler = [this, fail](const Request&) {
           healthCheckFailed_ = fail;
           return Response{.body = "OK\n"};
         }});
  }
}

std::string Admin::index(bool html) const {
  std::string out = html ? "<!DOCTYPE html>\n<title>moe</title>\n<h1>moe</h1>\n<table>\n" : "";
  for (const auto& [path, endpoint] : endpoints_) {
    const bool post = endpoint.access == Endpoint::Access::Changes;
    const std::string more =
        base::cat(endpoint.help, parametersOf(endpoint), post ? " [POST]" : "");
    if (!html) {
      out.append(base::cat("  ", path, ": ", more, "\n"));
    } else if (post) {
      out.append(base::cat("<tr><td><form method=post action=\"", path, "\"><button>", path,
                           "</button></form><td>", more, "\n"));
    } else {
      out.append(base::cat("<tr><td><a href=\"", path, "\">", path, "</a><td>", more, "\n"));
    }
  }
  return html ? out + "</table>\n" : out;
}

Response Admin::ready() const {
  const State now = state();
  return {.status = now == ServerInfo::LIVE ? 200u : 503u,
          .body = base::cat(ServerInfo::State_Name(now), "\n")};
}

Response Admin::serverInfo() const {
  ServerInfo info;
  info.set_version("moe/" MOE_VERSION);
  info.set_state(state());
  info.mutable_uptime_current_epoch()->set_seconds(uptimeSeconds());
  info.mutable_uptime_all_epochs()->set_seconds(uptimeSeconds());
  info.set_hot_restart_version("disabled");
  *info.mutable_command_line_options() = context_.options;
  *info.mutable_node() = context_.bootstrap.node();
  return jsonOf(info, true);
}

Response Admin::logging(const Request& request) {
  if (const std::string* level = request.query.find("level")) {
    if (request.method != "POST") {
      return methodNotAllowed(request, "POST");
    }
    const std::string wanted = *level == "warn" ? "warning" : *level;
    if (std::find(std::begin(kLevels), std::end(kLevels), wanted) == std::end(kLevels)) {
      return badRequest(
          base::cat("level: found ", config::inQuotes(*level),
                    ", expected trace, debug, info, warning, error, critical or off"));
    }
    context_.logger->set_level(spdlog::level::from_str(wanted));
  }
  const auto name = spdlog::level::to_string_view(context_.logger->level());
  return {.body = base::cat("active loggers:\n  moe: ", name, "\n")};
}

} // namespace moe::admin
