#include "xds/channel.h"

#include <limits>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "base/strings.h"
#include "config/duration.h"
#include "xds/channel_tls.h"
#include "xds/grpc_service.h"

namespace moe::xds {

namespace core = envoy::config::core::v3;
using config::fieldError;
using config::FieldPath;

namespace {

// An address in gRPC's syntax, a URI: what has a meaning there is escaped.
std::string targetOf(const net::Address& address) {
  std::string out;
  std::string_view text = address.asString();
  if (address.kind() == net::Address::Kind::Pipe) {
    const bool abstract = text.starts_with('@');
    out = abstract ? "unix-abstract:" : "unix:";
    text.remove_prefix(abstract ? 1 : 0);
  } else {
    out = address.kind() == net::Address::Kind::Ipv4 ? "ipv4:" : "ipv6:";
  }
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~/:@!$&'()*+,;=").find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      constexpr char kHex[] = "0123456789ABCDEF";
      out.push_back('%');
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

// What every channel has: messages of any size; one call and no retries of gRPC's own; no
// connection from the attempt before.
grpc::ChannelArguments commonArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
}

int toInt(std::chrono::milliseconds time) {
  return static_cast<int>(std::min<int64_t>(time.count(), std::numeric_limits<int>::max()));
}

// What both kinds have.
class Base : public ChannelSource {
public:
  absl::Status read(const core::GrpcService& service, const FieldPath& path) {
    auto metadata = readMetadata(service, path);
    if (!metadata.ok()) {
      return metadata.status();
    }
    metadata_ = std::move(*metadata);
    auto timeout = config::toMillisOr(service.has_timeout(), service.timeout(),
                                      std::chrono::milliseconds(0), path.field("timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    timeout_ = *timeout;
    const bool inner = service.envoy_grpc().has_retry_policy();
    auto backoff = readBackoff(inner ? service.envoy_grpc().retry_policy() : service.retry_policy(),
                               (inner ? path.field("envoy_grpc") : path).field("retry_policy"));
    if (!backoff.ok()) {
      return backoff.status();
    }
    backoff_ = *backoff;
    return absl::OkStatus();
  }
  Backoff::Options backoff() const override { return backoff_; }

protected:
  std::vector<std::pair<std::string, std::string>> metadata_;
  // GrpcService.timeout. A stream has no end to wait for: it bounds the time until it begins.
  std::chrono::milliseconds timeout_{0};
  Backoff::Options backoff_;
};

class ClusterChannels final : public Base {
public:
  ClusterChannels(const core::GrpcService::EnvoyGrpc& proto, const ClusterAddresses& clusters)
      : proto_(proto), clusters_(clusters) {}

  absl::StatusOr<Attempt> next() override {
    auto found = clusters_.connection(proto_.cluster_name());
    if (!found.ok()) {
      return found.status();
    }
    if (found->addresses.empty()) {
      return absl::UnavailableError(
          base::cat("cluster ", config::inQuotes(proto_.cluster_name()), " has no address"));
    }
    const net::Address& address = *found->addresses[attempts_++ % found->addresses.size()];
    grpc::ChannelArguments arguments = commonArguments();
    // What environment variables say of proxies is for other programs.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    const std::chrono::milliseconds timeout =
        timeout_.count() > 0 ? std::min(timeout_, found->connectTimeout) : found->connectTimeout;
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, toInt(timeout));
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY,
                        proto_.authority().empty() ? proto_.cluster_name() : proto_.authority());
    if (proto_.has_max_receive_message_length() &&
        proto_.max_receive_message_length().value() > 0) {
      arguments.SetMaxReceiveMessageSize(static_cast<int>(std::min<uint32_t>(
          proto_.max_receive_message_length().value(), std::numeric_limits<int>::max())));
    }
    if (found->keepaliveInterval) {
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, toInt(*found->keepaliveInterval));
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                       toInt(found->keepaliveTimeout.value_or(*found->keepaliveInterval)));
      arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    std::shared_ptr<grpc::ChannelCredentials> credentials =
        found->tls ? tlsCredentials(*found->tls, arguments) : grpc::InsecureChannelCredentials();
    Attempt attempt{.target = targetOf(address),
                    .channel = nullptr,
                    .metadata = metadata_,
                    .connectTimeout = timeout};
    attempt.channel = grpc::CreateCustomChannel(attempt.target, credentials, arguments);
    return attempt;
  }

private:
  const core::GrpcService::EnvoyGrpc proto_;
  const ClusterAddresses& clusters_;
  size_t attempts_ = 0;
};

class GoogleChannels final : public Base {
public:
  GoogleChannels(const core::GrpcService::GoogleGrpc& proto, FieldPath path)
      : proto_(proto), path_(std::move(path)) {}

  absl::Status check() {
    if (absl::Status status = refuseUnsupported(proto_, path_); !status.ok()) {
      return status;
    }
    for (const auto& [name, value] : proto_.channel_args().args()) {
      if (value.value_specifier_case() ==
              core::GrpcService::GoogleGrpc::ChannelArgs::Value::kIntValue &&
          value.int_value() != static_cast<int>(value.int_value())) {
        return fieldError(path_.field("channel_args").field("args").key(name),
                          base::cat(value.int_value()), "a number of 32 bits");
      }
    }
    return credentials().status();
  }

  absl::StatusOr<Attempt> next() override {
    auto credentials = this->credentials();
    if (!credentials.ok()) {
      return credentials.status();
    }
    grpc::ChannelArguments arguments = commonArguments();
    for (const auto& [name, value] : proto_.channel_args().args()) {
      if (value.value_specifier_case() ==
          core::GrpcService::GoogleGrpc::ChannelArgs::Value::kIntValue) {
        arguments.SetInt(name, static_cast<int>(value.int_value()));
      } else {
        arguments.SetString(name, value.string_value());
      }
    }
    Attempt attempt{.target = proto_.target_uri(),
                    .channel = nullptr,
                    .metadata = metadata_,
                    .connectTimeout = timeout_};
    attempt.channel = grpc::CreateCustomChannel(attempt.target, *credentials, arguments);
    return attempt;
  }

private:
  // Files are read again each time: certificates may have been renewed.
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials() const {
    const FieldPath at = path_.field("channel_credentials");
    if (proto_.channel_credentials().has_local_credentials()) {
      return localCredentials();
    }
    if (!proto_.channel_credentials().has_ssl_credentials()) {
      return grpc::InsecureChannelCredentials();
    }
    const FieldPath inner = at.field("ssl_credentials");
    const auto& ssl = proto_.channel_credentials().ssl_credentials();
    grpc::SslCredentialsOptions options;
    for (auto& [source, name, to] :
         {std::tuple(&ssl.root_certs(), "root_certs", &options.pem_root_certs),
          std::tuple(&ssl.private_key(), "private_key", &options.pem_private_key),
          std::tuple(&ssl.cert_chain(), "cert_chain", &options.pem_cert_chain)}) {
      auto bytes = readDataSource(*source, inner.field(name));
      if (!bytes.ok()) {
        return bytes.status();
      }
      *to = std::move(*bytes);
    }
    if (options.pem_private_key.empty() != options.pem_cert_chain.empty()) {
      return fieldError(inner, "only one of private_key and cert_chain", "both or neither");
    }
    return grpc::SslCredentials(options);
  }

  const core::GrpcService::GoogleGrpc proto_;
  const FieldPath path_;
};

} // namespace

absl::StatusOr<std::unique_ptr<ChannelSource>>
ChannelSource::create(const core::GrpcService& service, const FieldPath& path,
                      const ClusterAddresses& clusters) {
  std::unique_ptr<Base> source;
  switch (service.target_specifier_case()) {
  case core::GrpcService::kEnvoyGrpc:
    source = std::make_unique<ClusterChannels>(service.envoy_grpc(), clusters);
    break;
  case core::GrpcService::kGoogleGrpc: {
    auto google =
        std::make_unique<GoogleChannels>(service.google_grpc(), path.field("google_grpc"));
    if (absl::Status status = google->check(); !status.ok()) {
      return status;
    }
    source = std::move(google);
    break;
  }
  case core::GrpcService::TARGET_SPECIFIER_NOT_SET:
    return fieldError(path, "neither", "envoy_grpc or google_grpc");
  }
  if (absl::Status status = source->read(service, path); !status.ok()) {
    return status;
  }
  return source;
}

} // namespace moe::xds
