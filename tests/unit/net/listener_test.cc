#include "net/listener.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "net/loop_fixture.h"

namespace moe::net {
namespace {

using test::ConnectionTest;
using test::LoopTest;
using test::Peer;

TEST_F(ConnectionTest, PausedListenersLeaveConnectionsToTheKernel) {
  listener->pause();
  client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr));
  ASSERT_TRUE(until([&] { return client->connected; }));
  settle();
  EXPECT_TRUE(accepted.empty());
  listener->resume();
  ASSERT_TRUE(until([&] { return accepted.size() == 1; }));
}

TEST_F(ConnectionTest, WhatIsQueuedCanBeTakenBeforeTheEnd) {
  std::vector<std::unique_ptr<Peer>> clients;
  listener->pause();
  const auto allConnected = [&] {
    return std::all_of(clients.begin(), clients.end(), [](auto& c) { return c->connected; });
  };
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Peer>(Connection::connect(worker, address, nullptr)));
  }
  ASSERT_TRUE(until(allConnected));
  listener->acceptPending(); // paused: somebody wants none
  EXPECT_EQ(accepted.size(), 0u);
  listener->resume();
  listener->acceptPending();
  EXPECT_EQ(accepted.size(), 100u);
  listener = nullptr;
  settle();
  for (auto& c : clients) {
    EXPECT_FALSE(c->remoteClosed);
  }
}

// No descriptor is left for what comes, until the end of the scope.
class NoDescriptors {
public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

TEST_F(ConnectionTest, WantOfDescriptorsEndsNoPause) {
  client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr));
  bool late = false;
  auto timer = worker.loop.createTimer([&] { late = true; });
  {
    const NoDescriptors none;
    timer->enable(base::Milliseconds(50));
    ASSERT_TRUE(until([&] { return late && client->connected; }));
  }
  EXPECT_TRUE(accepted.empty());
  listener->pause();
  late = false;
  timer->enable(base::Milliseconds(300)); // the listener tries again after 100 ms
  ASSERT_TRUE(until([&] { return late; }));
  EXPECT_TRUE(accepted.empty());
  listener->resume();
  EXPECT_TRUE(until([&] { return accepted.size() == 1; }));
}

TEST_F(ConnectionTest, WantOfDescriptorsPasses) {
  client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr));
  bool late = false;
  auto timer = worker.loop.createTimer([&] { late = true; });
  {
    const NoDescriptors none;
    timer->enable(base::Milliseconds(50));
    ASSERT_TRUE(until([&] { return late && client->connected; }));
  }
  EXPECT_TRUE(accepted.empty());
  EXPECT_TRUE(until([&] { return accepted.size() == 1; }));
}

TEST_F(ConnectionTest, AnAddressInUseIsNamed) {
  const auto second = listenOn(*address, {.reusePort = false});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().message(),
            "cannot bind to " + address->asString() + ": Address already in use");
}

class PipeListenerTest : public LoopTest {
protected:
  void SetUp() override {
    char name[] = "/tmp/moe-listener-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = name;
    path = directory + "/socket";
  }
  void TearDown() override {
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
  }
  std::string directory;
  std::string path;
};

TEST_F(PipeListenerTest, ReplacesTheSocketThatAnEarlierProcessLeft) {
  const AddressPtr address = *Address::pipe(path);
  {
    ASSERT_TRUE(listenOn(*address, {}).ok());
  } // closed, its file stays
  auto fd = listenOn(*address, {});
  ASSERT_TRUE(fd.ok()) << fd.status();
  int accepted = 0;
  Listener listener(worker.loop, std::move(*fd), address,
                    [&](Fd, const AddressPtr&, const AddressPtr&) { ++accepted; });
  Peer peer(Connection::connect(worker, address, nullptr));
  EXPECT_TRUE(until([&] { return accepted == 1; }));
}

TEST_F(PipeListenerTest, RemovesNothingButSockets) {
  std::ofstream(path) << "somebody's file";
  const auto fd = listenOn(**Address::pipe(path), {});
  ASSERT_FALSE(fd.ok());
  EXPECT_EQ(fd.status().message(), "cannot bind to " + path + ": Address already in use");
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
}

} // namespace
} // namespace moe::net
