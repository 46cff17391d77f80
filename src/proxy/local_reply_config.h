#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "proxy/log_filter.h"
#include "route/header_mutation.h"

namespace moe::proxy {

// HttpConnectionManager.local_reply_config, compiled: other statuses, bodies and headers for what
// the proxy answers itself. Immutable; any thread.
class LocalReplyConfig {
public:
  using Proto = envoy::extensions::filters::network::http_connection_manager::v3::LocalReplyConfig;
  static absl::StatusOr<std::shared_ptr<const LocalReplyConfig>>
  compile(const Proto& proto, const config::FieldPath& path, config::Runtime* runtime);

  struct Reply {
    uint32_t status;
    std::string body;
    std::string_view contentType; // of the format; "": no format
  };
  // The first mapper that fits changes reply and headers; then the body is formatted.
  // `request` may be null.
  void rewrite(const http::HeaderMap* request, http::HeaderMap& response, http::StreamInfo& info,
               Reply& reply) const;

private:
  struct Format {
    http::FormatterPtr formatter; // null: the body as it is
    std::string contentType;
  };
  struct Mapper {
    LogFilter filter;
    std::optional<uint32_t> status;
    std::optional<std::string> body;
    Format format;
    route::HeaderMutation headers;
  };
  using FormatProto = envoy::config::core::v3::SubstitutionFormatString;
  using MapperProto =
      envoy::extensions::filters::network::http_connection_manager::v3::ResponseMapper;
  static absl::StatusOr<Format> compileFormat(const FormatProto& proto,
                                              const config::FieldPath& path);
  static absl::StatusOr<Mapper>
  compileMapper(const MapperProto& proto, const config::FieldPath& path, config::Runtime* runtime);

  std::vector<Mapper> mappers_;
  Format format_;
};

} // namespace moe::proxy
