#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "envoy/service/discovery/v3/ads.grpc.pb.h"

namespace moe::xds::test {

// A real gRPC server, on threads of its own, that serves ADS in both kinds. Each stream is given to
// `serve`, which blocks as it likes.
class FakeControlPlane {
public:
  using Sotw = grpc::ServerReaderWriter<envoy::service::discovery::v3::DiscoveryResponse,
                                        envoy::service::discovery::v3::DiscoveryRequest>;
  using Delta = grpc::ServerReaderWriter<envoy::service::discovery::v3::DeltaDiscoveryResponse,
                                         envoy::service::discovery::v3::DeltaDiscoveryRequest>;
  // `address`: "127.0.0.1:0" or "unix:...".
  explicit FakeControlPlane(
      const std::string& address = "127.0.0.1:0",
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials())
      : service_(*this) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, std::move(credentials), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~FakeControlPlane() { stop(); }
  // Ends every stream.
  void stop() {
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now());
      server_.reset();
    }
  }

  int port = 0;
  std::function<grpc::Status(grpc::ServerContext&, Sotw&)> serve;
  std::function<grpc::Status(grpc::ServerContext&, Delta&)> serveDelta;
  std::atomic<int> streams{0};

private:
  class Service final : public envoy::service::discovery::v3::AggregatedDiscoveryService::Service {
  public:
    explicit Service(FakeControlPlane& owner) : owner_(owner) {}
    grpc::Status StreamAggregatedResources(grpc::ServerContext* context, Sotw* stream) override {
      ++owner_.streams;
      return owner_.serve ? owner_.serve(*context, *stream) : grpc::Status::OK;
    }
    grpc::Status DeltaAggregatedResources(grpc::ServerContext* context, Delta* stream) override {
      ++owner_.streams;
      return owner_.serveDelta ? owner_.serveDelta(*context, *stream) : grpc::Status::OK;
    }

  private:
    FakeControlPlane& owner_;
  };
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

} // namespace moe::xds::test
