#include "xds/grpc_stream.h"

#include <sys/socket.h>

#include <thread>

#include "net/listener.h"
#include "xds/fake_control_plane.h"
#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;
using envoy::config::core::v3::GrpcService;

// What a stream tells, as words.
class Events final : public StreamEvents {
public:
  void onStreamStart() override {
    log.push_back("start");
    if (onStart) {
      onStart();
    }
  }
  void onResponse(std::unique_ptr<google::protobuf::Message> response) override {
    log.push_back("response");
    last = std::move(response);
  }
  void onReady() override { ++readies; }
  void onStreamEnd(const absl::Status& status) override {
    log.push_back("end");
    end = status;
  }
  Names log;
  int readies = 0;
  absl::Status end;
  std::unique_ptr<google::protobuf::Message> last;
  std::function<void()> onStart;
};

class NoClusters final : public ClusterAddresses {
public:
  absl::StatusOr<ClusterConnection> connection(std::string_view cluster) const override {
    return absl::NotFoundError(base::cat("no cluster ", cluster));
  }
};

class GrpcStreamTest : public net::test::LoopTest {
protected:
  void TearDown() override {
    stream.reset();
    thread.reset();
    server.reset();
    settle();
  }
  GrpcService to(const std::string& target) {
    GrpcService service;
    service.mutable_google_grpc()->set_target_uri(target);
    auto* backoff = service.mutable_retry_policy()->mutable_retry_back_off();
    backoff->mutable_base_interval()->set_nanos(5'000'000);
    backoff->mutable_max_interval()->set_nanos(20'000'000);
    return service;
  }
  void start(const GrpcService& service, bool delta = false, std::string method = "") {
    auto channels = ChannelSource::create(service, config::FieldPath("grpc_services[0]"), clusters);
    ASSERT_TRUE(channels.ok()) << channels.status();
    stream = std::make_unique<GrpcStream>(
        GrpcStream::Options{.loop = worker.loop,
                            .thread = *thread,
                            .channels = std::move(*channels),
                            .method = method.empty() ? aggregatedMethod(delta) : std::move(method),
                            .delta = delta});
    stream->start(events);
    EXPECT_THAT(events.log, IsEmpty()); // not from inside the call
  }
  void startHere(bool delta = false) { start(to(here()), delta); }
  std::string here() { return base::cat("127.0.0.1:", server->port); }
  static std::unique_ptr<DiscoveryRequest> request(const std::string& version) {
    auto out = std::make_unique<DiscoveryRequest>();
    out->set_version_info(version);
    return out;
  }
  bool seen(const std::string& word, size_t times = 1) {
    return until([&] {
      return static_cast<size_t>(std::count(events.log.begin(), events.log.end(), word)) >= times;
    });
  }

  NoClusters clusters;
  std::unique_ptr<CompletionThread> thread = std::make_unique<CompletionThread>();
  std::unique_ptr<FakeControlPlane> server = std::make_unique<FakeControlPlane>();
  Events events;
  std::unique_ptr<GrpcStream> stream;
};

TEST_F(GrpcStreamTest, SendsAndReceivesInTurn) {
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
    DiscoveryRequest in;
    while (stream.Read(&in)) {
      DiscoveryResponse out;
      out.set_version_info("re:" + in.version_info());
      stream.Write(out);
    }
    return grpc::Status::OK;
  };
  startHere();
  EXPECT_FALSE(stream->ready());
  ASSERT_TRUE(seen("start"));
  EXPECT_TRUE(stream->ready());
  for (const char* version : {"1", "2", "3"}) {
    ASSERT_TRUE(until([&] { return stream->ready(); }));
    stream->send(request(version));
    EXPECT_FALSE(stream->ready());
    events.last = nullptr;
    ASSERT_TRUE(until([&] { return events.last != nullptr; }));
    EXPECT_EQ(static_cast<DiscoveryResponse&>(*events.last).version_info(),
              base::cat("re:", version));
    stream->readMore();
  }
  ASSERT_TRUE(until([&] { return events.readies == 3; }));
}

TEST_F(GrpcStreamTest, OneResponseAtATime) {
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
    DiscoveryResponse out;
    while (stream.Write(out)) {
    }
    return grpc::Status::OK;
  };
  startHere();
  ASSERT_TRUE(seen("response"));
  for (int i = 0; i < 5; ++i) {
    settle();
  }
  EXPECT_THAT(events.log, ElementsAre("start", "response"));
  stream->readMore();
  ASSERT_TRUE(seen("response", 2));
}

TEST_F(GrpcStreamTest, MessagesOfThirtyMegabytes) {
  server->serveDelta = [](grpc::ServerContext&, FakeControlPlane::Delta& stream) {
    DeltaDiscoveryRequest in;
    stream.Read(&in);
    DeltaDiscoveryResponse out;
    for (int i = 0; i < 30; ++i) {
      out.add_resources()->mutable_resource()->set_value(std::string(1 << 20, 'x'));
    }
    out.set_nonce(base::cat(in.resource_names_subscribe(0).size()));
    stream.Write(out);
    stream.Read(&in);
    return grpc::Status::OK;
  };
  startHere(true);
  ASSERT_TRUE(seen("start"));
  auto big = std::make_unique<DeltaDiscoveryRequest>();
  big->add_resource_names_subscribe(std::string(5 << 20, 'n'));
  stream->send(std::move(big));
  ASSERT_TRUE(seen("response"));
  const auto& got = static_cast<DeltaDiscoveryResponse&>(*events.last);
  EXPECT_EQ(got.resources_size(), 30);
  EXPECT_EQ(got.nonce(), base::cat(5 << 20));
}

TEST_F(GrpcStreamTest, ComesBackAfterTheControlPlaneEndsTheStream) {
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many");
  };
  startHere();
  ASSERT_TRUE(seen("end", 3)); // a server that ends each stream at once
  EXPECT_EQ(events.end.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(base::message(events.end), here() + ": too many");
  EXPECT_GE(server->streams, 3);
}

TEST_F(GrpcStreamTest, AnEndWithoutErrorIsAnEndToo) {
  startHere(); // serves nothing: OK at once
  ASSERT_TRUE(seen("end"));
  EXPECT_THAT(std::string(base::message(events.end)), HasSubstr("the control plane has ended"));
}

TEST_F(GrpcStreamTest, ComesBackWhenTheServerDoes) {
  const int port = server->port;
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
    DiscoveryRequest in;
    while (stream.Read(&in)) {
    }
    return grpc::Status::OK;
  };
  startHere();
  ASSERT_TRUE(seen("start"));
  server->stop();
  ASSERT_TRUE(seen("end", 4)); // nobody listens
  EXPECT_EQ(events.end.code(), absl::StatusCode::kUnavailable);
  server = std::make_unique<FakeControlPlane>(base::cat("127.0.0.1:", port));
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
    DiscoveryRequest in;
    while (stream.Read(&in)) {
    }
    return grpc::Status::OK;
  };
  events.log.clear();
  ASSERT_TRUE(seen("start"));
}

TEST_F(GrpcStreamTest, AnUnknownServiceIsAnEnd) {
  start(to(here()), false, "/no.such.Service/Method");
  ASSERT_TRUE(seen("end"));
  EXPECT_EQ(events.end.code(), absl::StatusCode::kUnimplemented);
}

// A server by hand: takes connections and says what it likes.
class RawServer {
public:
  explicit RawServer(event::Loop& loop) {
    auto fd = net::listenOn(**net::Address::parseIp("127.0.0.1", 0), {});
    EXPECT_TRUE(fd.ok());
    address = net::Address::localOf(fd->get());
    listener_ = std::make_unique<net::Listener>(
        loop, std::move(*fd), address, [this](net::Fd socket, net::AddressPtr, net::AddressPtr) {
          if (!says.empty()) {
            EXPECT_EQ(::send(socket.get(), says.data(), says.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(says.size()));
          }
          if (!closes) {
            sockets.push_back(std::move(socket));
          } else {
            ++closed;
          }
        });
  }
  std::string says;
  bool closes = false;
  int closed = 0;
  net::AddressPtr address;
  std::vector<net::Fd> sockets;

private:
  std::unique_ptr<net::Listener> listener_;
};

TEST_F(GrpcStreamTest, AServerThatSaysNothingIsGivenUp) {
  RawServer hanging(worker.loop);
  GrpcService service = to(hanging.address->asString());
  service.mutable_timeout()->set_nanos(50'000'000);
  start(service);
  ASSERT_TRUE(seen("end", 2));
  EXPECT_EQ(base::message(events.end),
            base::cat(hanging.address->asString(), ": not connected within 50 ms"));
  EXPECT_GE(hanging.sockets.size(), 2u);
}

TEST_F(GrpcStreamTest, GarbageIsAnEnd) {
  RawServer garbage(worker.loop);
  garbage.says = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  start(to(garbage.address->asString()));
  ASSERT_TRUE(seen("end", 2));
  EXPECT_EQ(events.end.code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcStreamTest, AServerThatClosesAtOnceIsTriedAgain) {
  RawServer closing(worker.loop);
  closing.closes = true;
  start(to(closing.address->asString()));
  ASSERT_TRUE(seen("end", 3));
  EXPECT_GE(closing.closed, 2);
}

TEST_F(GrpcStreamTest, AMessageThatDoesNotParseEndsTheStream) {
  // The same method, with bytes that are no DiscoveryResponse: the type has its strings in UTF-8.
  server->serveDelta = [](grpc::ServerContext&, FakeControlPlane::Delta& stream) {
    DeltaDiscoveryResponse out;
    out.add_resources(); // field 2 holds an Any in the other kind: its bytes do not fit
    out.mutable_resources(0)->set_version(std::string("\x01\x02", 2));
    out.mutable_resources(0)->mutable_resource()->set_value("\xff\xff\xff\xff");
    stream.Write(out);
    DeltaDiscoveryRequest in;
    stream.Read(&in);
    return grpc::Status::OK;
  };
  start(to(here()), false, aggregatedMethod(true));
  ASSERT_TRUE(until([&] { return !events.log.empty() && events.log.back() != "start"; }));
  EXPECT_NE(events.log.back(), "start"); // no crash, whichever it is
}

TEST_F(GrpcStreamTest, MayEndAtAnyTime) {
  server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
    DiscoveryResponse out;
    out.set_version_info(std::string(1 << 16, 'v'));
    while (stream.Write(out)) {
    }
    return grpc::Status::OK;
  };
  for (int i = 0; i < 20; ++i) {
    startHere();
    if (i % 4 == 1) {
      settle();
    } else if (i % 4 == 2) {
      ASSERT_TRUE(seen("start"));
      stream->send(request(std::string(1 << 20, 'r')));
    } else if (i % 4 == 3) {
      ASSERT_TRUE(seen("response"));
      stream->readMore();
    }
    stream.reset();
    events.log.clear();
    settle();
    EXPECT_THAT(events.log, IsEmpty());
  }
}

TEST_F(GrpcStreamTest, MetadataGoesAlong) {
  std::mutex mutex;
  Names got;
  server->serve = [&](grpc::ServerContext& context, FakeControlPlane::Sotw&) {
    const std::lock_guard lock(mutex);
    for (const auto& [name, value] : context.client_metadata()) {
      if (name == "x-token") {
        got.push_back(std::string(value.data(), value.size()));
      }
    }
    return grpc::Status::OK;
  };
  GrpcService service = to(here());
  auto* header = service.add_initial_metadata();
  header->set_key("X-Token");
  header->set_value("50%% off");
  start(service);
  ASSERT_TRUE(seen("end"));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(got.front(), "50% off");
}

} // namespace
} // namespace moe::xds
