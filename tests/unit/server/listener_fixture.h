#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <google/protobuf/wrappers.pb.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <optional>

#include "base/strings.h"
#include "server/listener_manager.h"

namespace moe::server::test {

using Proto = envoy::config::listener::v3::Listener;
using google::protobuf::Message;
using google::protobuf::StringValue;

// Its connections greet with a text, echo, and say when they are asked to end.
class Greeter final : public net::ReadFilter, public proxy::Drainable {
public:
  Greeter(proxy::WorkerContext& context, std::string text)
      : context_(context), text_(std::move(text)) {}
  void initialize(net::Connection& connection) override { connection_ = &connection; }
  net::FilterStatus onNewConnection() override {
    say(text_);
    return net::FilterStatus::Continue;
  }
  net::FilterStatus onData(base::Buffer& data, bool /*end*/) override {
    const bool quit = data.toString() == "quit";
    connection_->write(data, false);
    if (quit) {
      connection_->close(net::CloseType::FlushWrite);
    }
    return net::FilterStatus::StopIteration;
  }
  void onDrain() override { say("draining"); }

private:
  void say(std::string_view text) {
    base::Buffer out;
    out.append(context_.worker.slab, base::cat(text, "\n"));
    connection_->write(out, false);
  }
  proxy::WorkerContext& context_;
  const std::string text_;
  net::Connection* connection_ = nullptr;
};

// "wait: x" waits until the test lets it, "wrong" is an error.
class GreeterConfig final : public proxy::NetworkFilterConfig {
public:
  explicit GreeterConfig(std::map<std::string, config::Warming::Hold>& holds) : holds_(holds) {}
  absl::StatusOr<proxy::NetworkFilterFactoryPtr>
  compile(const Message& config, const config::FieldPath& path,
          const proxy::FactoryContext& context) override {
    const std::string& text = static_cast<const StringValue&>(config).value();
    if (text == "wrong") {
      return config::fieldError(path.field("value"), "wrong", "right");
    }
    if (text.starts_with("wait")) {
      holds_[text] = context.warming->hold();
    }
    return std::make_shared<Factory>(text);
  }

private:
  struct Factory final : proxy::NetworkFilterFactory {
    explicit Factory(std::string t) : text(std::move(t)) {}
    std::unique_ptr<net::ReadFilter> createFilter(proxy::WorkerContext& context) const override {
      return std::make_unique<Greeter>(context, text);
    }
    bool terminal() const override { return true; }
    const std::string text;
  };
  std::map<std::string, config::Warming::Hold>& holds_;
};

// "a byte": waits for one. Else the address that connections were going to.
class FinderConfig final : public proxy::ListenerFilterConfig {
public:
  absl::StatusOr<proxy::ListenerFilterFactoryPtr>
  compile(const Message& config, const config::FieldPath& /*path*/,
          const proxy::FactoryContext& /*context*/) override {
    return std::make_shared<Factory>(static_cast<const StringValue&>(config).value());
  }

private:
  struct Filter final : net::ListenerFilter {
    explicit Filter(const std::string& t) : text(t) {}
    Status onAccept(net::AcceptedSocket& socket) override {
      if (text == "a byte") {
        return Status::NeedMore;
      }
      socket.facts.local = *net::Address::parseIpPort(text);
      socket.facts.localRestored = true;
      return Status::Continue;
    }
    size_t maxBytes() const override { return 16; }
    const std::string& text;
  };
  struct Factory final : proxy::ListenerFilterFactory {
    explicit Factory(std::string t) : text(std::move(t)) {}
    std::unique_ptr<net::ListenerFilter> createFilter() const override {
      return std::make_unique<Filter>(text);
    }
    const std::string text;
  };
};

class Client {
public:
  // Connects from an address of 127/8.
  explicit Client(const net::Address& to, std::string_view from = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto local = net::Address::parseIp(from, 0);
    EXPECT_EQ(::bind(fd_.get(), (*local)->sockAddr(), (*local)->sockAddrLength()), 0);
    refused = ::connect(fd_.get(), to.sockAddr(), to.sockAddrLength()) != 0;
  }
  void send(std::string_view text) {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Takes what has come; waits for a moment if there is nothing.
  void read() {
    pollfd wait{fd_.get(), POLLIN, 0};
    char bytes[4096];
    wait.fd = refused || closed ? -1 : wait.fd; // ignored
    if (::poll(&wait, 1, 2) <= 0) {
      return;
    }
    const ssize_t n = ::recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0) {
      received.append(bytes, static_cast<size_t>(n));
    }
    reset = n < 0 && errno == ECONNRESET;
    closed = n == 0 || reset;
  }
  std::string received;
  bool refused = false;
  bool closed = false;
  bool reset = false;

private:
  net::Fd fd_;
};

// A manager with two running workers.
class ListenerManagerTest : public testing::Test {
protected:
  ListenerManagerTest() {
    EXPECT_TRUE(
        networkFilters.add("google.protobuf.StringValue", std::make_unique<GreeterConfig>(holds))
            .ok());
    EXPECT_TRUE(
        listenerFilters.add("google.protobuf.StringValue", std::make_unique<FinderConfig>()).ok());
  }
  ~ListenerManagerTest() override { end(); }

  void make(base::Milliseconds drainTime = base::Milliseconds(600'000)) {
    for (uint32_t i = 0; i < 2; ++i) {
      workers.push_back(std::make_unique<WorkerThread>(i, *clusters, overload));
    }
    manager = std::make_unique<ListenerManager>(
        ListenerManager::Options{.listenerFilters = listenerFilters,
                                 .networkFilters = networkFilters,
                                 .context = context,
                                 .mainLoop = main,
                                 .workers = workers,
                                 .drainTime = drainTime});
  }
  void run() {
    ASSERT_TRUE(manager->bind().ok());
    for (auto& worker : workers) {
      worker->start();
    }
  }
  void start(base::Milliseconds drainTime = base::Milliseconds(600'000)) {
    make(drainTime);
    run();
  }
  void end() {
    workers.clear();
    manager = nullptr;
  }

  // A listener on a free port whose one chain, for all, is `text`.
  static Proto listener(const std::string& name, const std::string& text) {
    Proto out;
    out.set_name(name);
    out.set_stat_prefix(name);
    setAddress(out, "127.0.0.1", 0);
    setGreeting(*out.mutable_default_filter_chain(), text);
    return out;
  }
  static void setAddress(Proto& proto, const std::string& ip, uint32_t port) {
    auto& address = *proto.mutable_address()->mutable_socket_address();
    address.set_address(ip);
    address.set_port_value(port);
  }
  // A chain for clients from one address.
  static void addChain(Proto& proto, const std::string& source, const std::string& text) {
    auto& chain = *proto.add_filter_chains();
    auto& range = *chain.mutable_filter_chain_match()->add_source_prefix_ranges();
    range.set_address_prefix(source);
    range.mutable_prefix_len()->set_value(32);
    setGreeting(chain, text);
  }
  static void setGreeting(envoy::config::listener::v3::FilterChain& chain,
                          const std::string& text) {
    StringValue value;
    value.set_value(text);
    chain.clear_filters();
    auto& filter = *chain.add_filters();
    filter.set_name("greeter");
    filter.mutable_typed_config()->PackFrom(value);
  }
  static void addFinder(Proto& proto, const std::string& text) {
    StringValue value;
    value.set_value(text);
    auto& filter = *proto.add_listener_filters();
    filter.set_name("finder");
    filter.mutable_typed_config()->PackFrom(value);
  }

  std::string put(const Proto& proto) {
    const absl::Status status = manager->addOrUpdate(proto, "v");
    return std::string(base::message(status));
  }
  // Where the listener is bound; null: it does not serve.
  net::AddressPtr addressOf(std::string_view name) {
    net::AddressPtr out;
    manager->forEach([&](const ListenerInfo& info) {
      if (info.name == name && info.state == ListenerInfo::State::Active) {
        out = info.addresses.front().address;
      }
    });
    return out;
  }
  std::unique_ptr<Client> client(std::string_view listener, std::string_view from = "127.0.0.1") {
    return std::make_unique<Client>(*addressOf(listener), from);
  }
  // Turns the main loop and reads until it holds; false: it never does.
  bool until(const std::function<bool()>& done, std::initializer_list<Client*> readers = {}) {
    for (int i = 0; i < 10'000 && !done(); ++i) {
      main.runOnce();
      for (Client* each : readers) {
        each->read();
      }
      if (readers.size() == 0) {
        ::poll(nullptr, 0, 2);
      }
    }
    return done();
  }
  bool receives(Client& client, const std::string& text) {
    return until([&] { return client.received == text; }, {&client});
  }
  bool closes(Client& client) {
    return until([&] { return client.closed; }, {&client});
  }
  // All that was posted to the workers is done.
  void settle() {
    for (auto& worker : workers) {
      std::atomic<bool> done{false};
      worker->loop().post([&] { done = true; });
      EXPECT_TRUE(until([&] { return done.load(); }));
    }
  }
  uint64_t counter(const std::string& name) {
    const stats::Counter* found = stats.findCounter("listener_manager." + name);
    return found == nullptr ? 0 : found->value();
  }
  int64_t gauge(const std::string& name) {
    const stats::Gauge* found = stats.findGauge("listener_manager." + name);
    return found == nullptr ? -1 : found->value();
  }

  event::Loop main;
  stats::Store stats;
  base::LoggerPtr logger = std::make_shared<base::Logger>("test");
  proxy::LogWriter logs{{}, stats.root()};
  std::unique_ptr<upstream::ClusterManager> clusters = upstream::createClusterManager(
      {.mainLoop = main, .stats = stats, .logger = logger, .dnsServers = {}});
  proxy::HttpFilterConfigs httpFilters;
  proxy::HttpFilterConfigs routeFilters;
  proxy::NetworkFilterConfigs networkFilters;
  proxy::ListenerFilterConfigs listenerFilters;
  proxy::FactoryContext context{stats, logger, logs, *clusters, httpFilters, routeFilters, 2};
  proxy::OverloadState overload{stats.root().child("listener_manager")};
  std::map<std::string, config::Warming::Hold> holds; // by text
  std::vector<std::unique_ptr<WorkerThread>> workers;
  std::unique_ptr<ListenerManager> manager;
};

} // namespace moe::server::test
