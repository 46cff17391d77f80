#include "upstream/http1_pool.h"

#include "base/intrusive_list.h"
#include "http/codec/http1.h"

namespace moe::upstream {
namespace {

struct ClientTag {};
struct PendingTag {};

class Http1Pool;

// One connection and the request it is busy with.
class Client final : public base::ListLink<ClientTag>,
                     public event::DeferredDeletable,
                     public net::ConnectionCallbacks,
                     public http::ClientCodecCallbacks {
public:
  explicit Client(Http1Pool& pool);
  ~Client() override;

  // net::ConnectionCallbacks
  void onConnectionEvent(net::ConnectionEvent event) override;
  void onAboveWriteBufferHighWatermark() override { codec_->onConnectionAboveHighWatermark(); }
  void onBelowWriteBufferLowWatermark() override { codec_->onConnectionBelowLowWatermark(); }
  // http::ClientCodecCallbacks
  void onStreamComplete(bool reusable) override;
  void onGoAway() override {}

  void onData(base::Buffer& data, bool endStream);
  http::RequestEncoder& begin(http::ResponseDecoder& decoder);
  net::Connection& connection() { return *connection_; }
  void closeIdle() { connection_->close(net::CloseType::NoFlush); }
  void becomeIdle();

private:
  enum class State { Connecting, Idle, Busy, Closed };
  void endRequest();

  Http1Pool& pool_;
  // What counts and limits are kept in outlives the pool's host.
  ClusterInfoPtr cluster_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<http::ClientCodec> codec_;
  std::unique_ptr<event::Timer> timer_; // connect timeout, then idle timeout
  State state_ = State::Connecting;
  int64_t startNanos_ = base::monotonicNanos();
  uint32_t requests_ = 0;
  bool timedOut_ = false;
};

class ClientFilter final : public net::ReadFilter {
public:
  explicit ClientFilter(Client& client) : client_(client) {}
  void initialize(net::Connection& /*connection*/) override {}
  net::FilterStatus onData(base::Buffer& data, bool endStream) override {
    client_.onData(data, endStream);
    return net::FilterStatus::StopIteration;
  }

private:
  Client& client_;
};

class Pending final : public base::ListLink<PendingTag>, public Cancellable {
public:
  Pending(Http1Pool& p, http::ResponseDecoder& d, HttpPoolCallbacks& c)
      : pool(p), decoder(d), callbacks(c) {}
  void cancel() override;

  Http1Pool& pool;
  http::ResponseDecoder& decoder;
  HttpPoolCallbacks& callbacks;
};

class Http1Pool final : public HttpPool {
public:
  Http1Pool(const http::CodecContext& context, ClusterInfoPtr cluster, HostPtr host)
      : context_(context), cluster_(std::move(cluster)), host_(std::move(host)) {}
  ~Http1Pool() override;

  Cancellable* newStream(http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) override;
  void drain() override;
  bool idle() const override { return clients_ == 0 && pendingCount_ == 0; }

  // --- for clients
  const http::CodecContext& context() const { return context_; }
  const ClusterInfoPtr& cluster() const { return cluster_; }
  const HostPtr& host() const { return host_; }
  void clientIdle(Client& client);
  void clientGone(Client& client, bool wasConnecting, http::ResetReason reason,
                  std::string_view details);
  void connected(Client& client);
  bool draining() const { return draining_; }
  void removePending(Pending& pending);

private:
  ClusterStats& stats() { return cluster_->stats(); }
  void addClient();
  void wantClients();
  bool attach(Client& client, http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks);
  void failPending(http::ResetReason reason, std::string_view details);

  http::CodecContext context_;
  ClusterInfoPtr cluster_;
  HostPtr host_;
  base::IntrusiveList<Client, ClientTag> idle_; // the last used one first
  base::IntrusiveList<Client, ClientTag> busy_; // with a request, or connecting
  base::IntrusiveList<Pending, PendingTag> pending_;
  size_t clients_ = 0;
  size_t connecting_ = 0;
  size_t pendingCount_ = 0;
  bool draining_ = false;
};

Client::Client(Http1Pool& pool) : pool_(pool), cluster_(pool.cluster()) {
  event::Worker& worker = pool.context().worker;
  connection_ = net::Connection::connect(worker, pool.host()->address(), nullptr);
  connection_->addCallbacks(this);
  connection_->setBufferLimit(cluster_->settings().bufferLimit);
  connection_->setStats({&cluster_->stats().cxRxBytes, &cluster_->stats().cxTxBytes});
  connection_->enableHalfClose(true); // the codec knows what an end means
  connection_->setNoDelay(true);
  connection_->addReadFilter(std::make_unique<ClientFilter>(*this));
  codec_ = http::createHttp1Client(
      pool.context(), *connection_, *this,
      {.maxHeadersCount = cluster_->settings().maxHeadersCount, .enableTrailers = true});
  timer_ = worker.loop.createTimer([this] {
    timedOut_ = state_ == State::Connecting;
    if (timedOut_) {
      cluster_->stats().cxConnectTimeout.inc();
    } else {
      cluster_->stats().cxIdleTimeout.inc();
    }
    connection_->close(net::CloseType::NoFlush);
  });
  timer_->enable(cluster_->settings().connectTimeout);
  ClusterStats& stats = cluster_->stats();
  stats.cxTotal.inc();
  stats.cxHttp1Total.inc();
  stats.cxActive.inc();
  pool.host()->counts().cxTotal.fetch_add(1, std::memory_order_relaxed);
  pool.host()->counts().cxActive.fetch_add(1, std::memory_order_relaxed);
}

Client::~Client() = default;

void Client::onData(base::Buffer& data, bool endStream) {
  if (state_ == State::Idle) {
    // Nobody asked: an answer to nothing, or the peer's close.
    data.clear();
    connection_->close(net::CloseType::NoFlush);
    return;
  }
  const absl::Status status = codec_->dispatch(data, endStream);
  if (connection_->closed()) {
    return;
  }
  if (!status.ok() || (endStream && state_ != State::Closed)) {
    const bool broken = !status.ok();
    codec_->onConnectionClosed(
        broken ? http::ResetReason::ProtocolError : http::ResetReason::ConnectionTermination,
        broken ? std::string_view(status.message().data(), status.message().size())
               : "connection_termination");
    if (!connection_->closed()) {
      connection_->close(net::CloseType::NoFlush);
    }
  }
}

http::RequestEncoder& Client::begin(http::ResponseDecoder& decoder) {
  state_ = State::Busy;
  timer_->disable();
  ++requests_;
  ClusterStats& stats = cluster_->stats();
  stats.rqTotal.inc();
  stats.rqActive.inc();
  Host::Counts& counts = pool_.host()->counts();
  counts.rqTotal.fetch_add(1, std::memory_order_relaxed);
  counts.rqActive.fetch_add(1, std::memory_order_relaxed);
  return codec_->newStream(decoder);
}

void Client::endRequest() {
  cluster_->stats().rqActive.dec();
  cluster_->breakers().requests.release();
  pool_.host()->counts().rqActive.fetch_sub(1, std::memory_order_relaxed);
}

void Client::becomeIdle() {
  state_ = State::Idle;
  if (const auto& timeout = cluster_->settings().idleTimeout; timeout.has_value()) {
    timer_->enable(*timeout);
  } else {
    timer_->disable();
  }
}

void Client::onStreamComplete(bool reusable) {
  endRequest();
  const uint32_t most = cluster_->settings().maxRequestsPerConnection;
  if (most != 0 && requests_ >= most) {
    cluster_->stats().cxMaxRequests.inc();
    reusable = false;
  }
  state_ = State::Idle;
  if (!reusable || pool_.draining()) {
    connection_->close(net::CloseType::NoFlush);
    return;
  }
  pool_.clientIdle(*this);
}

void Client::onConnectionEvent(net::ConnectionEvent event) {
  ClusterStats& stats = cluster_->stats();
  if (event == net::ConnectionEvent::Connected) {
    stats.cxConnectMs.record(
        static_cast<uint64_t>((base::monotonicNanos() - startNanos_) / 1'000'000));
    timer_->disable();
    pool_.connected(*this);
    return;
  }
  const State before = std::exchange(state_, State::Closed);
  if (before == State::Closed) {
    return;
  }
  timer_->disable();
  stats.cxActive.dec();
  stats.cxDestroy.inc();
  (event == net::ConnectionEvent::RemoteClose ? stats.cxDestroyRemote : stats.cxDestroyLocal).inc();
  cluster_->breakers().connections.release();
  pool_.host()->counts().cxActive.fetch_sub(1, std::memory_order_relaxed);
  http::ResetReason reason = http::ResetReason::ConnectionTermination;
  std::string details = connection_->failureReason();
  if (before == State::Connecting) {
    stats.cxConnectFail.inc();
    pool_.host()->counts().cxConnectFail.fetch_add(1, std::memory_order_relaxed);
    reason = timedOut_ ? http::ResetReason::ConnectionTimeout
                       : http::ResetReason::RemoteConnectionFailure;
    if (timedOut_) {
      details = "connection_timeout";
    }
  }
  if (before == State::Busy) {
    endRequest();
    codec_->onConnectionClosed(reason, details);
  }
  pool_.clientGone(*this, before == State::Connecting, reason, details);
}

Http1Pool::~Http1Pool() {
  draining_ = true;
  failPending(http::ResetReason::LocalReset, "pool_destroyed");
  for (auto* list : {&idle_, &busy_}) {
    while (!list->empty()) {
      Client& client = list->front();
      client.unlink();
      client.connection().close(net::CloseType::NoFlush);
    }
  }
}

Cancellable* Http1Pool::newStream(http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) {
  if (!idle_.empty()) {
    attach(idle_.front(), decoder, callbacks);
    return nullptr;
  }
  if (!cluster_->breakers().pendingRequests.tryTake()) {
    stats().rqPendingOverflow.inc();
    callbacks.onPoolFailure(http::ResetReason::Overflow, "pending_request_overflow", host_);
    return nullptr;
  }
  auto pending = std::make_unique<Pending>(*this, decoder, callbacks);
  Pending* handle = pending.release();
  pending_.pushBack(*handle);
  ++pendingCount_;
  stats().rqPendingTotal.inc();
  stats().rqPendingActive.inc();
  wantClients();
  return handle;
}

void Http1Pool::removePending(Pending& pending) {
  const std::unique_ptr<Pending> owned(&pending);
  owned->unlink();
  --pendingCount_;
  cluster_->breakers().pendingRequests.release();
  stats().rqPendingActive.dec();
}

void Pending::cancel() {
  pool.cluster()->stats().rqCancelled.inc();
  pool.removePending(*this);
}

void Http1Pool::wantClients() {
  if (connecting_ >= pendingCount_) {
    return;
  }
  if (!cluster_->breakers().connections.tryTake()) {
    stats().cxOverflow.inc();
    if (clients_ > 0) {
      return; // a busy one will serve it
    }
    // Each worker may have one connection, or it could never make progress.
    cluster_->breakers().connections.take();
  }
  addClient();
}

void Http1Pool::addClient() {
  ++clients_;
  ++connecting_;
  // Owned by the lists; given to the loop when its connection is gone.
  Client* client = std::make_unique<Client>(*this).release();
  busy_.pushBack(*client);
}

bool Http1Pool::attach(Client& client, http::ResponseDecoder& decoder,
                       HttpPoolCallbacks& callbacks) {
  if (!cluster_->breakers().requests.tryTake()) {
    stats().rqPendingOverflow.inc();
    callbacks.onPoolFailure(http::ResetReason::Overflow, "request_overflow", host_);
    return false;
  }
  client.unlink();
  busy_.pushBack(client);
  http::RequestEncoder& encoder = client.begin(decoder);
  callbacks.onPoolReady(encoder, host_, client.connection(), http::Protocol::Http11);
  return true;
}

void Http1Pool::connected(Client& client) {
  --connecting_;
  clientIdle(client);
}

void Http1Pool::clientIdle(Client& client) {
  while (!pending_.empty()) {
    Pending& first = pending_.front();
    http::ResponseDecoder& decoder = first.decoder;
    HttpPoolCallbacks& callbacks = first.callbacks;
    removePending(first);
    if (attach(client, decoder, callbacks)) {
      return;
    }
  }
  client.becomeIdle();
  client.unlink();
  if (draining_) {
    client.closeIdle();
    return;
  }
  idle_.pushFront(client);
}

void Http1Pool::clientGone(Client& client, bool wasConnecting, http::ResetReason reason,
                           std::string_view details) {
  client.unlink();
  --clients_;
  context_.worker.loop.deferredDelete(std::unique_ptr<Client>(&client));
  if (wasConnecting) {
    --connecting_;
    // As Envoy: a host that cannot be reached fails all who wait for it.
    failPending(reason, details);
  } else if (pendingCount_ > 0 && !draining_) {
    wantClients();
  }
}

void Http1Pool::failPending(http::ResetReason reason, std::string_view details) {
  // Only those that wait now: a callback may ask again.
  for (size_t n = pendingCount_; n > 0 && !pending_.empty(); --n) {
    Pending& first = pending_.front();
    HttpPoolCallbacks& callbacks = first.callbacks;
    removePending(first);
    stats().rqPendingFailureEject.inc();
    callbacks.onPoolFailure(reason, details, host_);
  }
}

void Http1Pool::drain() {
  draining_ = true;
  while (!idle_.empty()) {
    Client& client = idle_.front();
    client.unlink();
    client.closeIdle();
  }
}

} // namespace

std::unique_ptr<HttpPool> createHttp1Pool(const http::CodecContext& context, ClusterInfoPtr cluster,
                                          HostPtr host) {
  return std::make_unique<Http1Pool>(context, std::move(cluster), std::move(host));
}

} // namespace moe::upstream
