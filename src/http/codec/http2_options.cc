#include "http/codec/http2_options.h"

#include "config/duration.h"

namespace moe::http {
namespace {

void read(bool isSet, const google::protobuf::UInt32Value& value, uint32_t& out) {
  if (isSet) {
    out = value.value();
  }
}

absl::Status readKeepalive(const envoy::config::core::v3::KeepaliveSettings& proto,
                           const config::FieldPath& path, Http2Settings& out) {
  const auto interval = config::toMillisOr(proto.has_interval(), proto.interval(),
                                           base::Milliseconds(0), path.field("interval"));
  if (!interval.ok()) {
    return interval.status();
  }
  const auto timeout = config::toMillis(proto.timeout(), path.field("timeout"));
  if (!timeout.ok()) {
    return timeout.status();
  }
  out.keepaliveInterval = *interval;
  out.keepaliveTimeout = *timeout;
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<Http2Settings>
readHttp2Options(const envoy::config::core::v3::Http2ProtocolOptions& proto,
                 const config::FieldPath& path) {
  Http2Settings out;
  read(proto.has_hpack_table_size(), proto.hpack_table_size(), out.hpackTableSize);
  read(proto.has_max_concurrent_streams(), proto.max_concurrent_streams(),
       out.maxConcurrentStreams);
  read(proto.has_initial_stream_window_size(), proto.initial_stream_window_size(),
       out.initialStreamWindow);
  read(proto.has_initial_connection_window_size(), proto.initial_connection_window_size(),
       out.initialConnectionWindow);
  read(proto.has_max_outbound_control_frames(), proto.max_outbound_control_frames(),
       out.maxOutboundControlFrames);
  read(proto.has_max_consecutive_inbound_frames_with_empty_payload(),
       proto.max_consecutive_inbound_frames_with_empty_payload(), out.maxEmptyFrames);
  read(proto.has_max_inbound_priority_frames_per_stream(),
       proto.max_inbound_priority_frames_per_stream(), out.maxPriorityFramesPerStream);
  read(proto.has_max_inbound_window_update_frames_per_data_frame_sent(),
       proto.max_inbound_window_update_frames_per_data_frame_sent(),
       out.maxWindowUpdatesPerDataFrame);
  out.allowConnect = proto.allow_connect();
  if (proto.has_override_stream_error_on_invalid_http_message()) {
    out.streamErrorOnInvalidMessage = proto.override_stream_error_on_invalid_http_message().value();
  }
  if (proto.has_connection_keepalive()) {
    if (absl::Status status =
            readKeepalive(proto.connection_keepalive(), path.field("connection_keepalive"), out);
        !status.ok()) {
      return status;
    }
  }
  return out;
}

} // namespace moe::http
