#include "route/stream_limits.h"

#include "config/duration.h"

namespace moe::route {
namespace {

absl::Status readDuration(bool isSet, const google::protobuf::Duration& duration,
                          const config::FieldPath& path, std::optional<base::Milliseconds>& out) {
  if (!isSet) {
    return absl::OkStatus();
  }
  auto value = config::toMillis(duration, path);
  if (!value.ok()) {
    return value.status();
  }
  out = *value;
  return absl::OkStatus();
}

} // namespace

absl::Status StreamLimits::read(const envoy::config::route::v3::RouteAction& action,
                                const config::FieldPath& path, StreamLimits& out) {
  const auto& newer = action.max_stream_duration();
  const config::FieldPath at = path.field("max_stream_duration");
  out.hasMaxStreamDuration = action.has_max_stream_duration();
  absl::Status status;
  status.Update(readDuration(newer.has_max_stream_duration(), newer.max_stream_duration(),
                             at.field("max_stream_duration"), out.maxStreamDuration));
  status.Update(readDuration(newer.has_grpc_timeout_header_max(), newer.grpc_timeout_header_max(),
                             at.field("grpc_timeout_header_max"), out.grpcHeaderMax));
  status.Update(readDuration(newer.has_grpc_timeout_header_offset(),
                             newer.grpc_timeout_header_offset(),
                             at.field("grpc_timeout_header_offset"), out.grpcHeaderOffset));
  status.Update(readDuration(action.has_max_grpc_timeout(), action.max_grpc_timeout(),
                             path.field("max_grpc_timeout"), out.maxGrpcTimeout));
  status.Update(readDuration(action.has_grpc_timeout_offset(), action.grpc_timeout_offset(),
                             path.field("grpc_timeout_offset"), out.grpcTimeoutOffset));
  return status;
}

} // namespace moe::route
