#include "proxy/access_log.h"

#include <unistd.h>

#include "base/strings.h"
#include "config/typed_config.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "proxy/log_filter.h"

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

class FileLog final : public AccessLog {
public:
  FileLog(LogFilePtr file, http::FormatterPtr format, LogFilter filter)
      : file_(std::move(file)), format_(std::move(format)), filter_(std::move(filter)) {}
  void log(const http::FormatContext& context, uint32_t worker) const override {
    if (filter_ && !filter_(context)) {
      return;
    }
    file_->append(worker, [&](std::string& line) { format_->format(context, line); });
  }

private:
  LogFilePtr file_;
  http::FormatterPtr format_;
  LogFilter filter_; // empty: every request
};

absl::StatusOr<AccessLogPtr> compileOne(const envoy::config::accesslog::v3::AccessLog& proto,
                                        const config::FieldPath& path,
                                        const FactoryContext& context) {
  LogFilter filter;
  if (proto.has_filter()) {
    auto compiled = compileLogFilter(proto.filter(), path.field("filter"), context.runtime);
    if (!compiled.ok()) {
      return compiled.status();
    }
    filter = std::move(*compiled);
  }
  const config::FieldPath at = path.field("typed_config");
  auto unpacked = config::unpack(proto.typed_config(), at);
  if (!unpacked.ok()) {
    return unpacked.status();
  }
  const envoy::config::core::v3::SubstitutionFormatString* format = nullptr;
  std::string plain(kDefault);
  LogFilePtr target;
  if (const auto* file = dynamic_cast<const FileAccessLog*>(unpacked->message.get())) {
    auto opened = context.logs.open(file->path());
    if (!opened.ok()) {
      return config::fieldError(
          at.field("path"),
          base::cat(config::inQuotes(file->path()), " (", base::message(opened.status()), ")"),
          "a file that can be written");
    }
    target = std::move(*opened);
    if (file->has_log_format()) {
      format = &file->log_format();
    } else if (!file->format().empty()) {
      plain = file->format();
    }
  } else if (const auto* out = dynamic_cast<const StdoutAccessLog*>(unpacked->message.get())) {
    target = context.logs.descriptor(STDOUT_FILENO);
    format = out->has_log_format() ? &out->log_format() : nullptr;
  } else if (const auto* err = dynamic_cast<const StderrAccessLog*>(unpacked->message.get())) {
    target = context.logs.descriptor(STDERR_FILENO);
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
  return std::make_shared<const FileLog>(std::move(target), std::move(*compiled),
                                         std::move(filter));
}

} // namespace

absl::StatusOr<std::vector<AccessLogPtr>> compileAccessLogs(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& logs,
    const config::FieldPath& path, const FactoryContext& context) {
  std::vector<AccessLogPtr> out;
  for (int i = 0; i < logs.size(); ++i) {
    auto log = compileOne(logs.Get(i), path.index(static_cast<size_t>(i)), context);
    if (!log.ok()) {
      return log.status();
    }
    out.push_back(std::move(*log));
  }
  return out;
}

} // namespace moe::proxy
