#include "proxy/local_reply_config.h"

#include "base/strings.h"

namespace moe::proxy {

using config::fieldError;
using config::FieldPath;

absl::StatusOr<LocalReplyConfig::Format> LocalReplyConfig::compileFormat(const FormatProto& proto,
                                                                         const FieldPath& path) {
  auto formatter = http::compileFormat(proto);
  if (!formatter.ok()) {
    return config::underField(path, formatter.status());
  }
  Format out{std::move(*formatter), proto.content_type()};
  if (out.contentType.empty()) {
    out.contentType = proto.has_json_format() ? "application/json" : "text/plain";
  }
  return out;
}

absl::StatusOr<LocalReplyConfig::Mapper> LocalReplyConfig::compileMapper(const MapperProto& proto,
                                                                         const FieldPath& path,
                                                                         config::Runtime* runtime) {
  Mapper out;
  auto filter = compileLogFilter(proto.filter(), path.field("filter"), runtime);
  if (!filter.ok()) {
    return filter.status();
  }
  out.filter = std::move(*filter);
  if (proto.has_status_code()) {
    out.status = proto.status_code().value();
  }
  if (proto.has_body()) {
    const auto& body = proto.body();
    if (!body.has_inline_string() && !body.has_inline_bytes()) {
      return fieldError(path.field("body"), body.has_filename() ? "filename" : "another source",
                        "inline_string or inline_bytes");
    }
    out.body = body.has_inline_bytes() ? body.inline_bytes() : body.inline_string();
  }
  if (proto.has_body_format_override()) {
    auto format = compileFormat(proto.body_format_override(), path.field("body_format_override"));
    if (!format.ok()) {
      return format.status();
    }
    out.format = std::move(*format);
  }
  auto headers = route::HeaderMutation::compile(proto.headers_to_add(), {},
                                                path.field("headers_to_add"), FieldPath());
  if (!headers.ok()) {
    return headers.status();
  }
  out.headers = std::move(*headers);
  return out;
}

absl::StatusOr<std::shared_ptr<const LocalReplyConfig>>
LocalReplyConfig::compile(const Proto& proto, const FieldPath& path, config::Runtime* runtime) {
  auto out = std::make_shared<LocalReplyConfig>();
  for (int i = 0; i < proto.mappers_size(); ++i) {
    auto mapper = compileMapper(proto.mappers(i),
                                path.field("mappers").index(static_cast<size_t>(i)), runtime);
    if (!mapper.ok()) {
      return mapper.status();
    }
    out->mappers_.push_back(std::move(*mapper));
  }
  if (proto.has_body_format()) {
    auto format = compileFormat(proto.body_format(), path.field("body_format"));
    if (!format.ok()) {
      return format.status();
    }
    out->format_ = std::move(*format);
  }
  return out;
}

void LocalReplyConfig::rewrite(const http::HeaderMap* request, http::HeaderMap& response,
                               http::StreamInfo& info, Reply& reply) const {
  // Filters and formats read the status from there.
  const auto setStatus = [&](uint32_t status) {
    reply.status = status;
    info.responseCode = status;
    response.setStatus(status);
  };
  setStatus(reply.status);
  const Format* format = &format_;
  http::FormatContext context{info, request, &response};
  for (const Mapper& mapper : mappers_) {
    if (!mapper.filter(context)) {
      continue;
    }
    if (mapper.body.has_value()) {
      reply.body = *mapper.body;
    }
    context.localReplyBody = reply.body;
    mapper.headers.apply(response, context);
    setStatus(mapper.status.value_or(reply.status));
    if (mapper.format.formatter != nullptr) {
      format = &mapper.format;
    }
    break;
  }
  if (format->formatter != nullptr) {
    context.localReplyBody = reply.body;
    std::string body;
    format->formatter->format(context, body);
    reply.body = std::move(body);
    reply.contentType = format->contentType;
  }
}

} // namespace moe::proxy
