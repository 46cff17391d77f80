#include "proxy/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "config/typed_config.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "net/fd.h"

namespace moe::proxy {
namespace {

using FileAccessLog = envoy::extensions::access_loggers::file::v3::FileAccessLog;
using StdoutAccessLog = envoy::extensions::access_loggers::stream::v3::StdoutAccessLog;
using StderrAccessLog = envoy::extensions::access_loggers::stream::v3::StderrAccessLog;

// Envoy's default format.
constexpr std::string_view kDefault =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

class FdLog final : public AccessLog {
public:
  FdLog(net::Fd owned, int fd, http::FormatterPtr format)
      : owned_(std::move(owned)), fd_(fd), format_(std::move(format)) {}
  void log(const http::FormatContext& context) const override {
    std::string line;
    format_->format(context, line);
    // A full disk must not stop traffic: what cannot be written is lost.
    (void)!::write(fd_, line.data(), line.size());
  }

private:
  net::Fd owned_;
  int fd_;
  http::FormatterPtr format_;
};

absl::StatusOr<AccessLogPtr> compileOne(const envoy::config::accesslog::v3::AccessLog& proto,
                                        const config::FieldPath& path) {
  if (proto.has_filter()) {
    return config::fieldError(path.field("filter"), "a filter", "none: every request is logged");
  }
  const config::FieldPath at = path.field("typed_config");
  auto unpacked = config::unpack(proto.typed_config(), at);
  if (!unpacked.ok()) {
    return unpacked.status();
  }
  const envoy::config::core::v3::SubstitutionFormatString* format = nullptr;
  std::string plain(kDefault);
  net::Fd owned;
  int fd = STDOUT_FILENO;
  if (const auto* file = dynamic_cast<const FileAccessLog*>(unpacked->message.get())) {
    owned = net::Fd(::open(file->path().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (!owned.valid()) {
      return config::fieldError(
          at.field("path"),
          base::cat(config::inQuotes(file->path()), " (", std::strerror(errno), ")"),
          "a file that can be written");
    }
    fd = owned.get();
    if (file->has_log_format()) {
      format = &file->log_format();
    } else if (!file->format().empty()) {
      plain = file->format();
    }
  } else if (const auto* out = dynamic_cast<const StdoutAccessLog*>(unpacked->message.get())) {
    format = out->has_log_format() ? &out->log_format() : nullptr;
  } else if (const auto* err = dynamic_cast<const StderrAccessLog*>(unpacked->message.get())) {
    fd = STDERR_FILENO;
    format = err->has_log_format() ? &err->log_format() : nullptr;
  } else {
    return config::unsupportedExtension(at, proto.name(), unpacked->typeName,
                                        {std::string(FileAccessLog::descriptor()->full_name()),
                                         std::string(StdoutAccessLog::descriptor()->full_name()),
                                         std::string(StderrAccessLog::descriptor()->full_name())});
  }
  auto compiled = format != nullptr ? http::compileFormat(*format) : http::compileFormat(plain);
  if (!compiled.ok()) {
    return config::underField(at.field("log_format"), compiled.status());
  }
  return std::make_shared<const FdLog>(std::move(owned), fd, std::move(*compiled));
}

} // namespace

absl::StatusOr<std::vector<AccessLogPtr>> compileAccessLogs(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& logs,
    const config::FieldPath& path) {
  std::vector<AccessLogPtr> out;
  for (int i = 0; i < logs.size(); ++i) {
    auto log = compileOne(logs.Get(i), path.index(static_cast<size_t>(i)));
    if (!log.ok()) {
      return log.status();
    }
    out.push_back(std::move(*log));
  }
  return out;
}

} // namespace moe::proxy
