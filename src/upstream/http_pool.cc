#include "upstream/http_pool.h"

#include "base/intrusive_list.h"
#include "base/strings.h"
#include "http/codec/http1.h"
#include "http/codec/http2.h"
#include "tls/peer.h"

namespace moe::upstream {
namespace {

// HTTP/2 has 2^30 stream numbers for a client; a connection ends well before they do.
constexpr uint32_t kMostStreams = 1u << 29;

struct ClientTag {};
struct PendingTag {};

class Pool;

// One connection and the requests it is busy with: one in HTTP/1, many in HTTP/2.
class Client final : public base::ListLink<ClientTag>,
                     public event::DeferredDeletable,
                     public net::ConnectionCallbacks,
                     public http::ClientCodecCallbacks {
public:
  explicit Client(Pool& pool);
  ~Client() override;

  // net::ConnectionCallbacks
  void onConnectionEvent(net::ConnectionEvent event) override;
  // Nothing is written before there is a codec.
  void onAboveWriteBufferHighWatermark() override { codec_->onConnectionAboveHighWatermark(); }
  void onBelowWriteBufferLowWatermark() override { codec_->onConnectionBelowLowWatermark(); }
  // http::ClientCodecCallbacks
  void onStreamComplete(bool reusable) override;
  void onGoAway() override;
  void onCapacityChanged() override;

  void onData(base::Buffer& data, bool endStream);
  http::RequestEncoder& begin(http::ResponseDecoder& decoder);
  net::Connection& connection() { return *connection_; }
  http::Protocol protocol() const { return codec_->protocol(); }
  void closeIdle() { connection_->close(net::CloseType::NoFlush); }
  void waitForRequests();
  // Takes no more requests; closes when the last has ended.
  void retire();
  bool canTake() const {
    return state_ == State::Ready && !retiring_ && !connection_->closing() &&
           active_ < codec_->maxConcurrentStreams() && codec_->takesRequests();
  }

private:
  enum class State { Connecting, Ready, Closed };
  bool http2() const { return codec_ != nullptr && protocol() == http::Protocol::Http2; }
  void makeCodec(http::Protocol protocol);
  void endRequest();

  Pool& pool_;
  // What counts and limits are kept in outlives the pool's host.
  ClusterInfoPtr cluster_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<http::ClientCodec> codec_;    // once it is known what the host speaks
  std::unique_ptr<event::Timer> timer_;         // connect timeout, then idle timeout
  std::unique_ptr<event::Timer> durationTimer_; // max_connection_duration
  State state_ = State::Connecting;
  int64_t startNanos_ = base::monotonicNanos();
  uint32_t requests_ = 0;
  uint32_t active_ = 0;
  bool retiring_ = false;
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
  Pending(Pool& p, http::ResponseDecoder& d, HttpPoolCallbacks& c)
      : pool(p), decoder(d), callbacks(c) {}
  void cancel() override;

  Pool& pool;
  http::ResponseDecoder& decoder;
  HttpPoolCallbacks& callbacks;
};

class Pool final : public HttpPool {
public:
  Pool(const http::CodecContext& context, ClusterInfoPtr cluster, HostPtr host,
       PoolProtocol protocol)
      : context_(context), cluster_(std::move(cluster)), host_(std::move(host)),
        protocol_(protocol) {}
  ~Pool() override;

  Cancellable* newStream(http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) override;
  void finish(std::function<void()> done) override;

  // --- for clients
  const http::CodecContext& context() const { return context_; }
  const ClusterInfoPtr& cluster() const { return cluster_; }
  const HostPtr& host() const { return host_; }
  PoolProtocol protocol() const { return protocol_; }
  const std::shared_ptr<tls::ClientSessions>& sessions() const { return sessions_; }
  // It can take a request: one that waits, or a later one.
  void clientReady(Client& client);
  // Some that wait may need another connection.
  void wantMore() {
    for (size_t before = clients_ + 1; pendingCount_ > 0 && before != clients_;) {
      before = clients_;
      wantClients(); // one at a time
    }
  }
  // It can take none for now.
  void clientBusy(Client& client);
  void clientRetired(Client& client);
  void clientGone(Client& client, bool wasConnecting, http::ResetReason reason,
                  std::string_view details);
  void connected(Client& client);
  bool draining() const { return draining_; }
  bool hasPending() const { return pendingCount_ > 0; }
  void removePending(Pending& pending);
  // Draining, and nothing is left. Call last.
  void checkDone() {
    if (draining_ && clients_ == 0 && pendingCount_ == 0 && done_ != nullptr) {
      std::exchange(done_, nullptr)();
    }
  }

private:
  ClusterStats& stats() { return cluster_->stats(); }
  void addClient();
  void wantClients();
  bool attach(Client& client, http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks);
  void failPending(http::ResetReason reason, std::string_view details);
  http::CodecContext context_;
  ClusterInfoPtr cluster_;
  HostPtr host_;
  const PoolProtocol protocol_;
  // Kept by connections, too, which may get one after the pool has gone.
  std::shared_ptr<tls::ClientSessions> sessions_ = cluster_->settings().transports == nullptr
                                                       ? nullptr
                                                       : std::make_shared<tls::ClientSessions>();
  // Of connections yet to come: HTTP/2 until the host has chosen otherwise.
  bool expectHttp2_ = protocol_ != PoolProtocol::Http1;
  base::IntrusiveList<Client, ClientTag> ready_; // can take a request; the last used one first
  base::IntrusiveList<Client, ClientTag> busy_;  // cannot, or connecting
  base::IntrusiveList<Pending, PendingTag> pending_;
  size_t clients_ = 0;
  size_t connecting_ = 0;
  size_t pendingCount_ = 0;
  bool draining_ = false;
  std::function<void()> done_; // when draining
};

Client::Client(Pool& pool) : pool_(pool), cluster_(pool.cluster()) {
  event::Worker& worker = pool.context().worker;
  connection_ = net::Connection::connect(
      worker, pool.host()->address(), cluster_->settings().sourceAddress,
      cluster_->createTransport(worker.index, *pool.host(), pool.protocol(), pool.sessions()));
  connection_->addCallbacks(this);
  connection_->setBufferLimit(cluster_->settings().bufferLimit);
  connection_->setStats({&cluster_->stats().cxRxBytes, &cluster_->stats().cxTxBytes});
  connection_->enableHalfClose(true); // the codec knows what an end means
  connection_->setNoDelay(true);
  connection_->addReadFilter(std::make_unique<ClientFilter>(*this));
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
  stats.cxActive.inc();
  pool.host()->counts().cxTotal.fetch_add(1, std::memory_order_relaxed);
  pool.host()->counts().cxActive.fetch_add(1, std::memory_order_relaxed);
}

Client::~Client() = default;

// When the connection is up: a handshake may have chosen.
void Client::makeCodec(http::Protocol protocol) {
  const ClusterSettings& settings = cluster_->settings();
  if (protocol == http::Protocol::Http2) {
    codec_ = http::createHttp2Client(pool_.context(), *connection_, *this, settings.http2,
                                     cluster_->http2Stats());
    cluster_->stats().cxHttp2Total.inc();
  } else {
    codec_ = http::createHttp1Client(pool_.context(), *connection_, *this,
                                     {.maxHeadersCount = settings.maxHeadersCount,
                                      .enableTrailers = settings.http1Trailers,
                                      .nameCase = settings.http1NameCase});
    cluster_->stats().cxHttp1Total.inc();
  }
}

void Client::onData(base::Buffer& data, bool endStream) {
  if (active_ == 0 && !http2()) {
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
    // Unavailable: the peer has gone in the middle of something.
    const bool wrong = !status.ok() && status.code() != absl::StatusCode::kUnavailable;
    retiring_ = true;
    codec_->onConnectionClosed(
        wrong ? http::ResetReason::ProtocolError : http::ResetReason::ConnectionTermination,
        status.ok() ? std::string_view("connection_termination") : base::message(status));
    if (!connection_->closed()) {
      connection_->close(net::CloseType::NoFlush);
    }
  }
}

http::RequestEncoder& Client::begin(http::ResponseDecoder& decoder) {
  timer_->disable();
  ++requests_;
  ++active_;
  const uint32_t most = cluster_->settings().maxRequestsPerConnection;
  if (most != 0 && requests_ == most) {
    cluster_->stats().cxMaxRequests.inc();
  }
  retiring_ = retiring_ || (most != 0 && requests_ >= most) || requests_ >= kMostStreams;
  ClusterStats& stats = cluster_->stats();
  stats.rqTotal.inc();
  stats.rqActive.inc();
  HostState::Counts& counts = pool_.host()->counts();
  counts.rqTotal.fetch_add(1, std::memory_order_relaxed);
  counts.rqActive.fetch_add(1, std::memory_order_relaxed);
  return codec_->newStream(decoder);
}

void Client::endRequest() {
  --active_;
  cluster_->stats().rqActive.dec();
  cluster_->breakers().requests.release();
  pool_.host()->counts().rqActive.fetch_sub(1, std::memory_order_relaxed);
}

void Client::waitForRequests() {
  if (active_ > 0) {
    return;
  }
  if (codec_->maxConcurrentStreams() == 0) {
    // An upstream that takes no request at all is not waited for as long.
    timer_->enable(cluster_->settings().connectTimeout);
  } else if (const auto& timeout = cluster_->settings().idleTimeout; timeout.has_value()) {
    timer_->enable(*timeout);
  } else {
    timer_->disable();
  }
}

void Client::retire() {
  retiring_ = true;
  if (active_ == 0) {
    closeIdle();
  } else {
    pool_.clientRetired(*this);
  }
}

void Client::onStreamComplete(bool reusable) {
  endRequest();
  if (state_ == State::Closed) {
    return;
  }
  if (retiring_ || (!reusable && !http2()) || (pool_.draining() && !pool_.hasPending())) {
    retire();
    return;
  }
  pool_.clientReady(*this);
}

void Client::onGoAway() {
  if (state_ != State::Closed && !retiring_) {
    cluster_->stats().cxCloseNotify.inc();
    retire();
  }
}

void Client::onCapacityChanged() {
  if (state_ == State::Ready && !retiring_) {
    canTake() ? pool_.clientReady(*this) : pool_.clientBusy(*this);
    pool_.wantMore();
  }
}

void Client::onConnectionEvent(net::ConnectionEvent event) {
  ClusterStats& stats = cluster_->stats();
  if (event == net::ConnectionEvent::Connected) {
    stats.cxConnectMs.record(
        static_cast<uint64_t>((base::monotonicNanos() - startNanos_) / 1'000'000));
    timer_->disable();
    bool http2 = pool_.protocol() == PoolProtocol::Http2;
    if (pool_.protocol() == PoolProtocol::ByAlpn) {
      const std::shared_ptr<const tls::TlsPeer> peer = connection_->tlsPeer();
      http2 = peer != nullptr && peer->alpn() == "h2";
    }
    makeCodec(http2 ? http::Protocol::Http2 : http::Protocol::Http11);
    state_ = State::Ready;
    if (const auto most = cluster_->settings().maxConnectionDuration; most.count() > 0) {
      durationTimer_ = pool_.context().worker.loop.createTimer([this] {
        cluster_->stats().cxMaxDuration.inc();
        if (!retiring_) {
          retire();
        }
      });
      // Up to a share longer, so that connections that began together do not end together.
      const uint64_t jitter =
          cluster_->settings().maxConnectionDurationJitter.of(static_cast<uint64_t>(most.count()));
      durationTimer_->enable(most +
                             base::Milliseconds(pool_.context().worker.random.below(jitter + 1)));
    }
    pool_.connected(*this);
    return;
  }
  const State before = std::exchange(state_, State::Closed);
  if (before == State::Closed) {
    return;
  }
  timer_->disable();
  durationTimer_ = nullptr;
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
  if (!http2() && active_ > 0) {
    endRequest();
  }
  if (codec_ != nullptr) {
    codec_->onConnectionClosed(reason, details);
  }
  pool_.clientGone(*this, before == State::Connecting, reason, details);
}

Pool::~Pool() {
  draining_ = true;
  done_ = nullptr;
  failPending(http::ResetReason::LocalReset, "pool_destroyed");
  for (auto* list : {&ready_, &busy_}) {
    while (!list->empty()) {
      Client& client = list->front();
      client.unlink();
      client.connection().close(net::CloseType::NoFlush);
    }
  }
}

Cancellable* Pool::newStream(http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) {
  while (!ready_.empty()) {
    if (ready_.front().canTake()) {
      attach(ready_.front(), decoder, callbacks);
      return nullptr;
    }
    clientBusy(ready_.front());
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

void Pool::removePending(Pending& pending) {
  const std::unique_ptr<Pending> owned(&pending);
  owned->unlink();
  --pendingCount_;
  cluster_->breakers().pendingRequests.release();
  stats().rqPendingActive.dec();
}

void Pending::cancel() {
  Pool& owner = pool;
  owner.cluster()->stats().rqCancelled.inc();
  owner.removePending(*this);
  owner.checkDone();
}

void Pool::wantClients() {
  const ClusterSettings& settings = cluster_->settings();
  size_t each = expectHttp2_ ? settings.http2.maxConcurrentStreams : 1;
  if (settings.maxRequestsPerConnection != 0) {
    each = std::min<size_t>(each, settings.maxRequestsPerConnection);
  }
  if (connecting_ * each >= pendingCount_) {
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

void Pool::addClient() {
  ++clients_;
  ++connecting_;
  // Owned by the lists; given to the loop when its connection is gone.
  Client* client = std::make_unique<Client>(*this).release();
  busy_.pushBack(*client);
}

bool Pool::attach(Client& client, http::ResponseDecoder& decoder, HttpPoolCallbacks& callbacks) {
  if (!cluster_->breakers().requests.tryTake()) {
    stats().rqPendingOverflow.inc();
    callbacks.onPoolFailure(http::ResetReason::Overflow, "request_overflow", host_);
    return false;
  }
  http::RequestEncoder& encoder = client.begin(decoder);
  if (!client.canTake()) {
    busy_.pushBack(client);
  }
  callbacks.onPoolReady(encoder, host_, client.connection(), client.protocol());
  return true;
}

void Pool::connected(Client& client) {
  --connecting_;
  expectHttp2_ = client.protocol() == http::Protocol::Http2;
  clientReady(client);
  if (protocol_ == PoolProtocol::ByAlpn) {
    wantMore(); // those that wait were counted on for a connection that takes many
  }
}

void Pool::clientReady(Client& client) {
  while (!pending_.empty() && client.canTake()) {
    Pending& first = pending_.front();
    http::ResponseDecoder& decoder = first.decoder;
    HttpPoolCallbacks& callbacks = first.callbacks;
    removePending(first);
    attach(client, decoder, callbacks);
  }
  if (!client.canTake()) {
    clientBusy(client);
    if (cluster_->settings().maxRequestsPerConnection != 0) {
      wantMore(); // it may never take another
    }
    return;
  }
  if (draining_) {
    client.retire();
    return;
  }
  client.waitForRequests();
  client.unlink();
  ready_.pushFront(client);
}

void Pool::clientBusy(Client& client) {
  if (!client.linked()) {
    return; // its last request has ended it
  }
  busy_.pushBack(client);
  client.waitForRequests();
}

void Pool::clientRetired(Client& client) {
  busy_.pushBack(client);
  if (pendingCount_ > 0) {
    wantClients();
  }
}

void Pool::clientGone(Client& client, bool wasConnecting, http::ResetReason reason,
                      std::string_view details) {
  client.unlink();
  --clients_;
  context_.worker.loop.deferredDelete(std::unique_ptr<Client>(&client));
  if (wasConnecting) {
    --connecting_;
    // As Envoy: a host that cannot be reached fails all who wait for it.
    failPending(reason, details);
  } else if (pendingCount_ > 0) {
    wantClients();
  }
  checkDone();
}

void Pool::failPending(http::ResetReason reason, std::string_view details) {
  // Only those that wait now: a callback may ask again.
  for (size_t n = pendingCount_; n > 0 && !pending_.empty(); --n) {
    Pending& first = pending_.front();
    HttpPoolCallbacks& callbacks = first.callbacks;
    removePending(first);
    stats().rqPendingFailureEject.inc();
    callbacks.onPoolFailure(reason, details, host_);
  }
}

void Pool::finish(std::function<void()> done) {
  draining_ = true;
  base::IntrusiveList<Client, ClientTag> ready;
  ready_.spliceTo(ready);
  while (!ready.empty()) {
    Client& client = ready.front();
    busy_.pushBack(client);
    client.retire();
  }
  done_ = std::move(done);
  checkDone();
}

} // namespace

std::unique_ptr<HttpPool> createHttpPool(const http::CodecContext& context, ClusterInfoPtr cluster,
                                         HostPtr host, PoolProtocol protocol) {
  return std::make_unique<Pool>(context, std::move(cluster), std::move(host), protocol);
}

} // namespace moe::upstream
