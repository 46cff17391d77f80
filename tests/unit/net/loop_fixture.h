#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.h"
#include "net/listener.h"

namespace moe::net::test {

// A worker whose loop the test turns itself, on its own thread.
class LoopTest : public testing::Test {
protected:
  // Turns the loop until `done` holds; false after the deadline.
  bool until(const std::function<bool()>& done) {
    bool late = false;
    auto deadline = worker.loop.createTimer([&] { late = true; });
    deadline->enable(base::Milliseconds(20'000));
    while (!done() && !late) {
      uv_run(worker.loop.uv(), UV_RUN_ONCE);
    }
    return done();
  }
  // Lets everything that is ready happen.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      worker.loop.runOnce();
    }
  }
  base::Buffer bytes(std::string_view text) {
    base::Buffer buffer;
    buffer.append(worker.slab, text);
    return buffer;
  }

  event::Worker worker{0};
};

// What one end of a connection has seen, and what it does about it.
class Peer final : public ConnectionCallbacks {
public:
  explicit Peer(std::unique_ptr<Connection> c, bool halfClose = true) : connection(std::move(c)) {
    connection->addCallbacks(this);
    connection->enableHalfClose(halfClose);
    connection->addReadFilter(std::make_unique<Filter>(*this));
  }

  void onConnectionEvent(ConnectionEvent event) override {
    connected = connected || event == ConnectionEvent::Connected;
    remoteClosed = remoteClosed || event == ConnectionEvent::RemoteClose;
    localClosed = localClosed || event == ConnectionEvent::LocalClose;
  }
  void onAboveWriteBufferHighWatermark() override { ++high; }
  void onBelowWriteBufferLowWatermark() override { ++low; }

  std::unique_ptr<Connection> connection;
  std::string received;
  size_t keep = 0; // bytes that the filter leaves in the buffer
  int calls = 0;
  int high = 0;
  int low = 0;
  bool ended = false; // the peer's FIN was told
  bool connected = false;
  bool remoteClosed = false;
  bool localClosed = false;
  std::function<void()> onData;

private:
  class Filter : public ReadFilter {
  public:
    explicit Filter(Peer& peer) : peer_(peer) {}
    void initialize(Connection& /*connection*/) override {}
    FilterStatus onData(base::Buffer& data, bool endStream) override {
      ++peer_.calls;
      const size_t take = data.size() > peer_.keep ? data.size() - peer_.keep : 0;
      peer_.received += data.toString().substr(0, take);
      data.drain(take);
      peer_.ended = peer_.ended || endStream;
      if (peer_.onData) {
        peer_.onData();
      }
      return FilterStatus::Continue;
    }

  private:
    Peer& peer_;
  };
};

// A listener on a free port and both ends of connections to it.
class ConnectionTest : public LoopTest {
protected:
  void SetUp() override {
    auto any = Address::parseIp("127.0.0.1", 0);
    auto fd = listenOn(**any, {});
    ASSERT_TRUE(fd.ok()) << fd.status();
    address = Address::localOf(fd->get());
    listener = std::make_unique<Listener>(
        worker.loop, std::move(*fd), address,
        [this](Fd socket, AddressPtr local, AddressPtr remote) {
          accepted.push_back(std::make_unique<Connection>(worker, std::move(socket),
                                                          std::move(local), std::move(remote)));
        });
  }
  // Both ends, connected and reading.
  void connect(bool halfClose = true) {
    client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr), halfClose);
    ASSERT_TRUE(until([&] { return client->connected && !accepted.empty(); }));
    server = std::make_unique<Peer>(std::move(accepted.back()), halfClose);
    accepted.pop_back();
    server->connection->start();
  }

  AddressPtr address;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Connection>> accepted;
  std::unique_ptr<Peer> client;
  std::unique_ptr<Peer> server;
};

} // namespace moe::net::test
