#include "server/options.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace moe::server {
namespace {

// Options that Istio's agent passes and that change nothing here.
constexpr std::string_view kAcceptedWithValue[] = {
    "--base-id",      "--component-log-level",    "--drain-strategy", "--local-address-ip-version",
    "--log-format",   "--parent-shutdown-time-s", "--restart-epoch",  "--service-cluster",
    "--service-node", "--service-zone",
};
constexpr std::string_view kAcceptedFlags[] = {
    "--disable-hot-restart", "--ignore-unknown-dynamic-fields", "--log-format-escaped",
    "--reject-unknown-dynamic-fields", "--skip-hot-restart-parent-stats"};

template <size_t N> bool contains(const std::string_view (&list)[N], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

absl::StatusOr<uint32_t> number(std::string_view name, std::string_view text) {
  uint32_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end.ptr != text.data() + text.size() || end.ec != std::errc()) {
    return absl::InvalidArgumentError(base::cat(name, ": found \"", text, "\", expected a number"));
  }
  return value;
}

absl::Status take(Options& out, std::string_view name, const std::string& value) {
  if (name == "-c" || name == "--config-path") {
    out.configPath = value;
  } else if (name == "--config-yaml") {
    out.configYaml = value;
  } else if (name == "--log-path") {
    out.logPath = value;
  } else if (name == "--mode") {
    if (value != "serve" && value != "validate") {
      return absl::InvalidArgumentError(
          base::cat("--mode: found \"", value, "\", expected serve or validate"));
    }
    out.mode = value == "serve" ? Mode::Serve : Mode::Validate;
  } else if (name == "-l" || name == "--log-level") {
    constexpr std::string_view levels[] = {"trace", "debug", "info",     "warning",
                                           "warn",  "error", "critical", "off"};
    if (!contains(levels, value)) {
      return absl::InvalidArgumentError(
          base::cat(name, ": found \"", value,
                    "\", expected trace, debug, info, warning, error, critical or off"));
    }
    out.logLevel = value;
  } else if (name == "--concurrency") {
    auto workers = number(name, value);
    if (!workers.ok()) {
      return workers.status();
    }
    out.concurrency = *workers;
  } else if (name == "--drain-time-s") {
    auto seconds = number(name, value);
    if (!seconds.ok()) {
      return seconds.status();
    }
    out.drainTime = base::Milliseconds(int64_t{*seconds} * 1000);
  } else if (name == "--file-flush-interval-msec") {
    auto millis = number(name, value);
    if (!millis.ok()) {
      return millis.status();
    }
    out.fileFlushInterval = base::Milliseconds(std::max(1u, *millis));
  } else if (name == "--file-flush-min-size-kb") {
    auto kilobytes = number(name, value);
    if (!kilobytes.ok()) {
      return kilobytes.status();
    }
    out.fileFlushBytes = size_t{*kilobytes} * 1024;
  } else if (!contains(kAcceptedWithValue, name)) {
    return absl::InvalidArgumentError(base::cat("unknown option ", name, " (--help lists them)"));
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<Options> parseOptions(const std::vector<std::string>& arguments) {
  Options out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      out.help = true;
      continue;
    }
    if (name == "--version") {
      out.version = true;
      continue;
    }
    if (name == "--strict") {
      out.strict = true;
      continue;
    }
    if (name == "--allow-unknown-static-fields") {
      out.allowUnknownStaticFields = true;
      continue;
    }
    if (contains(kAcceptedFlags, name)) {
      continue;
    }
    std::string value;
    const size_t equals = name.find('=');
    if (name.starts_with("--") && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (!name.starts_with('-')) {
      return absl::InvalidArgumentError(
          base::cat("found \"", name, "\", expected an option (--help lists them)"));
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else if (absl::Status known = take(out, name, "");
               known.code() == absl::StatusCode::kInvalidArgument &&
               base::message(known).starts_with("unknown")) {
      return known;
    } else {
      return absl::InvalidArgumentError(base::cat(name, ": expected a value behind it"));
    }
    if (absl::Status status = take(out, name, value); !status.ok()) {
      return status;
    }
  }
  if (!out.help && !out.version && out.configPath.empty() && out.configYaml.empty()) {
    return absl::InvalidArgumentError("no configuration: give -c FILE or --config-yaml TEXT");
  }
  return out;
}

std::string usage() {
  return R"(moe: a sidecar proxy

  -c, --config-path FILE   the bootstrap, YAML or JSON (Envoy v3)
  --config-yaml TEXT       a bootstrap merged over the file
  --mode serve|validate    validate: check the configuration and exit
  --concurrency N          workers; default: one a hardware thread
  -l, --log-level LEVEL    trace, debug, info, warning, error, critical, off
  --log-path FILE          log there instead of to standard error
  --drain-time-s N         how long SIGTERM waits for connections to end (600)
  --file-flush-interval-msec N, --file-flush-min-size-kb N
                           access logs are written that often (1000), or when so much waits (64)
  --strict                 fields that moe does not act on are errors
  --allow-unknown-static-fields
  --version, --help

The other options of Envoy that Istio's agent passes are accepted and change nothing.
)";
}

} // namespace moe::server
