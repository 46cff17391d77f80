#include "tls/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "net/connection.h"
#include "net/loop_fixture.h"
#include "tls/self_signed.h"

namespace moe::tls {
namespace {

using net::CloseType;
using net::Connection;
using net::test::Peer;
using testing::HasSubstr;

int selectHttp11(SSL* /*ssl*/, const uint8_t** out, uint8_t* size, const uint8_t* /*in*/,
                 unsigned /*inSize*/, void* /*argument*/) {
  static constexpr uint8_t name[] = "http/1.1";
  *out = name;
  *size = sizeof(name) - 1;
  return SSL_TLSEXT_ERR_OK;
}

ssl_verify_result_t acceptAll(SSL* ssl, uint8_t* /*alert*/) {
  static_cast<VerifyState*>(SSL_get_app_data(ssl))->verified = true;
  return ssl_verify_ok;
}

ssl_verify_result_t refuse(SSL* ssl, uint8_t* alert) {
  auto* state = static_cast<VerifyState*>(SSL_get_app_data(ssl));
  state->fail = VerifyState::Fail::San;
  state->failure = "nobody by that name";
  *alert = SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

ssl_verify_result_t later(SSL* ssl, uint8_t* /*alert*/) {
  return static_cast<VerifyState*>(SSL_get_app_data(ssl))->verified ? ssl_verify_ok
                                                                    : ssl_verify_retry;
}

class TlsSocketTest : public net::test::ConnectionTest {
protected:
  TlsSocketTest() {
    serverContext.reset(SSL_CTX_new(TLS_method()));
    clientContext.reset(SSL_CTX_new(TLS_method()));
    serverCertificate.use(serverContext.get());
    SSL_CTX_set_custom_verify(clientContext.get(), SSL_VERIFY_PEER, acceptAll);
  }

  std::unique_ptr<TlsSocket> serverSocket() {
    bssl::UniquePtr<SSL> ssl(SSL_new(serverContext.get()));
    SSL_set_accept_state(ssl.get());
    auto made = std::make_unique<TlsSocket>(std::move(ssl), serverStats);
    serverTls = made.get();
    return made;
  }
  std::unique_ptr<TlsSocket> clientSocket() {
    bssl::UniquePtr<SSL> ssl(SSL_new(clientContext.get()));
    SSL_set_connect_state(ssl.get());
    SSL_set_tlsext_host_name(ssl.get(), "web.example");
    if (session != nullptr) {
      SSL_set_session(ssl.get(), session.get());
    }
    clientSsl = ssl.get();
    auto made = std::make_unique<TlsSocket>(std::move(ssl), clientStats);
    clientTls = made.get();
    return made;
  }
  // Both ends, not waited for.
  void begin(bool clientIsTls = true, bool serverIsTls = true) {
    client = std::make_unique<Peer>(
        Connection::connect(worker, address, nullptr, clientIsTls ? clientSocket() : nullptr));
    ASSERT_TRUE(until([&] { return !accepted.empty(); }));
    server = std::make_unique<Peer>(std::move(accepted.back()));
    accepted.pop_back();
    if (serverIsTls) {
      server->connection->setTransportSocket(serverSocket());
    }
    server->connection->start();
  }
  void connectTls() {
    begin();
    ASSERT_TRUE(until([&] { return client->connected && server->connected; }))
        << client->connection->failureReason() << server->connection->failureReason();
  }
  static void write(base::Buffer data, Peer& from, bool end = false) {
    from.connection->write(data, end);
  }
  // Bytes that show where something is missing or twice.
  static std::string pattern(size_t size) {
    std::string out(size, '\0');
    for (size_t i = 0; i < size; ++i) {
      out[i] = static_cast<char>('!' + (i / 97 + i) % 90);
    }
    return out;
  }
  // In pieces of odd sizes: slices that are copied together, and ones that are not.
  base::Buffer pieces(std::string_view text) {
    base::Buffer out;
    for (size_t at = 0, n = 1; at < text.size(); at += n, n = n * 3 % 10'007 + 1) {
      out.append(worker.slab.copy(text.substr(at, n)));
    }
    return out;
  }

  test::SelfSigned serverCertificate{"server", "URI:spiffe://mesh/server,DNS:web.example"};
  bssl::UniquePtr<SSL_CTX> serverContext;
  bssl::UniquePtr<SSL_CTX> clientContext;
  bssl::UniquePtr<SSL_SESSION> session; // for the next client
  stats::Store store;
  TlsStats serverStats{store.root().child("listener", "envoy_listener_address", "a").child("ssl")};
  TlsStats clientStats{store.root().child("cluster", "envoy_cluster_name", "c").child("ssl")};
  TlsSocket* serverTls = nullptr; // owned by their connections
  TlsSocket* clientTls = nullptr;
  SSL* clientSsl = nullptr;
};

TEST_F(TlsSocketTest, CarriesBytesBothWays) {
  connectTls();
  write(bytes("ping"), *client);
  ASSERT_TRUE(until([&] { return server->received == "ping"; }));
  write(bytes("pong"), *server);
  ASSERT_TRUE(until([&] { return client->received == "pong"; }));
  EXPECT_EQ(client->connection->bytesSent(), 4u); // plain bytes
  EXPECT_EQ(server->connection->bytesReceived(), 4u);
  EXPECT_EQ(server->calls, 1);
}

TEST_F(TlsSocketTest, KnowsThePeer) {
  SSL_CTX_set_alpn_select_cb(serverContext.get(), selectHttp11, nullptr);
  const uint8_t offered[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(clientContext.get(), offered, sizeof(offered) - 1);
  const test::SelfSigned own("client", "URI:spiffe://mesh/client");
  own.use(clientContext.get());
  SSL_CTX_set_custom_verify(serverContext.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                            acceptAll);
  connectTls();
  for (const auto& [end, peerUri] : {std::pair(client.get(), "spiffe://mesh/server"),
                                     std::pair(server.get(), "spiffe://mesh/client")}) {
    const std::shared_ptr<const TlsPeer> peer = end->connection->tlsPeer();
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->version(), "TLSv1.3");
    EXPECT_THAT(std::string(peer->cipher()), HasSubstr("TLS_"));
    EXPECT_EQ(peer->alpn(), "http/1.1");
    EXPECT_EQ(peer->serverName(), "web.example");
    EXPECT_FALSE(peer->resumed());
    EXPECT_TRUE(peer->verified());
    ASSERT_NE(peer->certificate(), nullptr);
    EXPECT_THAT(peer->certificate()->uriSans, testing::ElementsAre(peerUri));
    EXPECT_THAT(peer->pem(), testing::StartsWith("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_EQ(peer->pem(), peer->pemChain()); // one certificate
  }
}

TEST_F(TlsSocketTest, CountsAsEnvoyDoes) {
  ASSERT_EQ(SSL_CTX_set1_groups_list(serverContext.get(), "P-384"), 1);
  connectTls();
  EXPECT_EQ(serverStats.handshake.value(), 1u);
  EXPECT_EQ(clientStats.handshake.value(), 1u);
  EXPECT_EQ(serverStats.noCertificate.value(), 1u);
  EXPECT_EQ(clientStats.noCertificate.value(), 0u);
  EXPECT_EQ(serverStats.sessionReused.value(), 0u);
  EXPECT_EQ(serverStats.connectionError.value(), 0u);
  const stats::Counter* version = store.findCounter("listener.a.ssl.versions.TLSv1.3");
  ASSERT_NE(version, nullptr);
  EXPECT_EQ(version->value(), 1u);
  EXPECT_EQ(version->label().identity().tagExtractedName, "listener.ssl.versions");
  EXPECT_EQ(version->label().identity().tags.back().name, "envoy_ssl_version");
  EXPECT_EQ(version->label().identity().tags.back().value, "TLSv1.3");
  const stats::Counter* sigalg = store.findCounter("cluster.c.ssl.sigalgs.ecdsa_secp256r1_sha256");
  ASSERT_NE(sigalg, nullptr);
  EXPECT_EQ(sigalg->value(), 1u);
  EXPECT_NE(store.findCounter("listener.a.ssl.curves.P-384"), nullptr);
}

TEST_F(TlsSocketTest, CarriesAMegabyteEachWayAtOnce) {
  connectTls();
  const std::string up = pattern(1'048'576 + 17);
  const std::string down = pattern(1'000'003);
  write(pieces(up), *client);
  write(pieces(down), *server);
  ASSERT_TRUE(until([&] {
    return server->received.size() >= up.size() && client->received.size() >= down.size();
  }));
  EXPECT_TRUE(server->received == up);
  EXPECT_TRUE(client->received == down);
  EXPECT_EQ(worker.blocks.inUse(), worker.slab.current() ? 1u : 0u); // nothing is kept
}

TEST_F(TlsSocketTest, BackPressureHoldsTheWriterAndLosesNothing) {
  connectTls();
  server->connection->readDisable(true);
  client->connection->setBufferLimit(64 * 1024);
  std::string all;
  for (int i = 0; client->high == 0 && i < 10'000; ++i) {
    const std::string piece = pattern(16'000 + static_cast<size_t>(i));
    all += piece;
    write(bytes(piece), *client);
    settle();
  }
  EXPECT_EQ(client->high, 1);
  EXPECT_GT(clientTls->unsent(), 0u);
  EXPECT_LT(clientTls->unsent(), 100'000u);
  server->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return server->received.size() == all.size(); }));
  EXPECT_TRUE(server->received == all);
  EXPECT_EQ(client->low, 1);
}

TEST_F(TlsSocketTest, FirstRecordsAreSmall) {
  begin();
  const std::string text = pattern(60'000);
  ASSERT_TRUE(until([&] { return client->connected && server->connected; }));
  server->connection->readDisable(true); // look at what is on the wire
  write(bytes(text), *client);
  client->connection->flushNow();
  std::string wire(200'000, '\0');
  settle();
  const ssize_t n = ::recv(server->connection->fd(), wire.data(), wire.size(), MSG_PEEK);
  ASSERT_GT(n, 60'000);
  std::vector<size_t> sizes;
  for (size_t at = 0; at + 5 <= static_cast<size_t>(n);) {
    const size_t size = static_cast<size_t>(static_cast<uint8_t>(wire[at + 3])) << 8 |
                        static_cast<uint8_t>(wire[at + 4]);
    sizes.push_back(size);
    at += 5 + size;
  }
  ASSERT_GT(sizes.size(), 14u);
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_LT(sizes[i], 1400u);
  }
  EXPECT_GT(*std::max_element(sizes.begin(), sizes.end()), 16'000u);
  EXPECT_LT(sizes.size(), 25u);
}

TEST_F(TlsSocketTest, HalfCloseIsCloseNotify) {
  connectTls();
  write(bytes("question"), *client, /*end=*/true);
  ASSERT_TRUE(until([&] { return server->ended; }));
  EXPECT_EQ(server->received, "question");
  EXPECT_FALSE(server->connection->truncated());
  EXPECT_FALSE(server->connection->closed());
  write(bytes("answer"), *server, /*end=*/true);
  ASSERT_TRUE(until([&] { return client->connection->closed() && server->connection->closed(); }));
  EXPECT_EQ(client->received, "answer");
  EXPECT_FALSE(client->connection->truncated());
  EXPECT_EQ(client->connection->failureReason(), "");
}

TEST_F(TlsSocketTest, FlushWriteEndsInOrder) {
  connectTls();
  const std::string text = pattern(3'000'000);
  write(bytes(text), *server);
  server->connection->close(CloseType::FlushWrite);
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_TRUE(client->received == text);
  EXPECT_FALSE(client->connection->truncated());
}

TEST_F(TlsSocketTest, AnAttackersEndIsTruncation) {
  connectTls();
  write(bytes("half"), *server);
  ASSERT_TRUE(until([&] { return client->received == "half"; }));
  ::shutdown(server->connection->fd(), SHUT_WR); // a FIN from the network, not from the peer
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_TRUE(client->connection->truncated());
}

TEST_F(TlsSocketTest, PlainHttpIsAnsweredWithAnAlert) {
  begin(/*clientIsTls=*/false);
  write(bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), *client);
  ASSERT_TRUE(until([&] { return server->remoteClosed; }));
  EXPECT_THAT(server->connection->failureReason(), testing::StartsWith("TLS_error:|"));
  EXPECT_THAT(server->connection->failureReason(), HasSubstr("HTTP_REQUEST"));
  EXPECT_EQ(serverStats.connectionError.value(), 1u);
  EXPECT_EQ(serverStats.handshake.value(), 0u);
  EXPECT_EQ(server->calls, 0);
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  ASSERT_EQ(client->received.size(), 7u); // one record: an alert, fatal
  EXPECT_EQ(client->received.substr(0, 1), "\x15");
  EXPECT_EQ(client->received.substr(5, 1), "\x02");
  EXPECT_EQ(ERR_peek_error(), 0u); // nothing is left for the next connection
}

TEST_F(TlsSocketTest, GarbageAfterTheHandshakeIsRefused) {
  connectTls();
  const std::string garbage = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  ::send(client->connection->fd(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  ASSERT_TRUE(until([&] { return server->remoteClosed; }));
  EXPECT_THAT(server->connection->failureReason(), HasSubstr("BAD_DECRYPT"));
  EXPECT_EQ(server->received, "");
  ASSERT_TRUE(until([&] { return client->remoteClosed; }));
  EXPECT_THAT(client->connection->failureReason(), HasSubstr("ALERT_BAD_RECORD_MAC"));
}

TEST_F(TlsSocketTest, APeerThatVanishesInTheHandshakeIsNamed) {
  begin(/*clientIsTls=*/false);
  write(bytes(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7)), *client);
  settle();
  client->connection->close(CloseType::NoFlush);
  ASSERT_TRUE(until([&] { return server->remoteClosed; }));
  EXPECT_EQ(server->connection->failureReason(),
            "TLS_error: the peer closed the connection during the handshake");
  EXPECT_EQ(serverStats.connectionError.value(), 0u);
}

TEST_F(TlsSocketTest, AServerThatIsNoneIsNamed) {
  begin(/*clientIsTls=*/true, /*serverIsTls=*/false);
  write(bytes("HTTP/1.1 400 Bad Request\r\n\r\n"), *server);
  ASSERT_TRUE(until([&] { return client->remoteClosed; }));
  EXPECT_FALSE(client->connected);
  EXPECT_THAT(client->connection->failureReason(), HasSubstr("WRONG_VERSION_NUMBER"));
}

TEST_F(TlsSocketTest, ARefusedCertificateIsNamedOnBothSides) {
  SSL_CTX_set_custom_verify(clientContext.get(), SSL_VERIFY_PEER, refuse);
  begin();
  ASSERT_TRUE(until([&] { return client->remoteClosed && server->remoteClosed; }));
  EXPECT_THAT(client->connection->failureReason(),
              HasSubstr("CERTIFICATE_VERIFY_FAILED: nobody by that name"));
  EXPECT_EQ(clientStats.failVerifySan.value(), 1u);
  EXPECT_EQ(clientStats.connectionError.value(), 0u);
  EXPECT_THAT(server->connection->failureReason(), HasSubstr("ALERT_BAD_CERTIFICATE"));
  EXPECT_EQ(serverStats.connectionError.value(), 1u);
}

TEST_F(TlsSocketTest, AMissingClientCertificateIsCounted) {
  SSL_CTX_set_custom_verify(serverContext.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                            acceptAll);
  begin();
  ASSERT_TRUE(until([&] { return client->remoteClosed && server->remoteClosed; }));
  EXPECT_THAT(server->connection->failureReason(), HasSubstr("PEER_DID_NOT_RETURN_A_CERTIFICATE"));
  EXPECT_EQ(serverStats.failVerifyNoCert.value(), 1u);
  EXPECT_EQ(serverStats.connectionError.value(), 0u);
  // In TLS 1.3 the client was done before the server looked.
  EXPECT_THAT(client->connection->failureReason(), HasSubstr("ALERT_CERTIFICATE_REQUIRED"));
}

TEST_F(TlsSocketTest, ACheckElsewhereIsWaitedFor) {
  SSL_CTX_set_custom_verify(clientContext.get(), SSL_VERIFY_PEER, later);
  begin();
  ASSERT_TRUE(until([&] { return clientTls->wants().answer; }));
  settle();
  EXPECT_TRUE(client->connection->connecting());
  static_cast<VerifyState*>(SSL_get_app_data(clientSsl))->verified = true;
  clientTls->answered();
  ASSERT_TRUE(until([&] { return client->connected && server->connected; }));
}

TEST_F(TlsSocketTest, TicketsResume) {
  SSL_CTX_set_session_cache_mode(clientContext.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_set_app_data(clientContext.get(), &session);
  SSL_CTX_sess_set_new_cb(clientContext.get(), [](SSL* ssl, SSL_SESSION* made) {
    static_cast<bssl::UniquePtr<SSL_SESSION>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))
        ->reset(made);
    return 1;
  });
  SSL_CTX_set_session_id_context(serverContext.get(), reinterpret_cast<const uint8_t*>("t"), 1);
  connectTls();
  write(bytes("x"), *server); // BoringSSL sends its tickets before that
  ASSERT_TRUE(until([&] { return client->received == "x"; }));
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(client->calls, 1);
  EXPECT_FALSE(client->connection->tlsPeer()->resumed());
  connectTls();
  EXPECT_TRUE(client->connection->tlsPeer()->resumed());
  EXPECT_TRUE(server->connection->tlsPeer()->resumed());
  EXPECT_EQ(serverStats.sessionReused.value(), 1u);
  EXPECT_EQ(clientStats.sessionReused.value(), 1u);
  EXPECT_NE(client->connection->tlsPeer()->certificate(), nullptr); // the session's
}

TEST_F(TlsSocketTest, KeyUpdatesAreAnswered) {
  connectTls();
  ASSERT_EQ(SSL_key_update(clientSsl, SSL_KEY_UPDATE_REQUESTED), 1);
  write(bytes("after"), *client);
  ASSERT_TRUE(until([&] { return server->received == "after"; }));
  write(bytes("too"), *server);
  ASSERT_TRUE(until([&] { return client->received == "too"; }));
}

TEST_F(TlsSocketTest, RenegotiationIsRefused) {
  SSL_CTX_set_max_proto_version(clientContext.get(), TLS1_2_VERSION);
  connectTls();
  EXPECT_EQ(client->connection->tlsPeer()->version(), "TLSv1.2");
  write(bytes("works"), *client);
  ASSERT_TRUE(until([&] { return server->received == "works"; }));
  EXPECT_NE(store.findCounter("listener.a.ssl.versions.TLSv1.2"), nullptr);
}

// Between two ends, a network that does as it is told.
class SlowWireTest : public TlsSocketTest {
protected:
  void SetUp() override {
    TlsSocketTest::SetUp();
    int left[2];
    int right[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, left), 0);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, right), 0);
    clientWire = net::Fd(left[1]);
    serverWire = net::Fd(right[1]);
    client = std::make_unique<Peer>(
        std::make_unique<Connection>(worker, net::Fd(left[0]), address, address));
    server = std::make_unique<Peer>(
        std::make_unique<Connection>(worker, net::Fd(right[0]), address, address));
  }
  void start() {
    client->connection->setTransportSocket(clientSocket());
    server->connection->setTransportSocket(serverSocket());
    client->connection->start();
    server->connection->start();
  }
  // Carries at most `size` bytes each way.
  void carry(size_t size) {
    for (const auto& [from, to] : {std::pair(clientWire.get(), serverWire.get()),
                                   std::pair(serverWire.get(), clientWire.get())}) {
      std::string data(size, '\0');
      const ssize_t n = ::recv(from, data.data(), data.size(), 0);
      if (n > 0) {
        ASSERT_EQ(::send(to, data.data(), static_cast<size_t>(n), MSG_NOSIGNAL), n);
      }
    }
    worker.loop.runOnce();
  }

  net::Fd clientWire;
  net::Fd serverWire;
};

TEST_F(SlowWireTest, AByteAtATime) {
  start();
  for (int i = 0; i < 20'000 && !(client->connected && server->connected); ++i) {
    carry(1);
  }
  ASSERT_TRUE(client->connected && server->connected);
  const std::string text = pattern(2'000);
  write(bytes(text), *client);
  write(bytes(text), *server);
  for (int i = 0; i < 20'000 && (server->received != text || client->received != text); ++i) {
    carry(1);
  }
  EXPECT_EQ(server->received, text);
  EXPECT_EQ(client->received, text);
}

TEST_F(SlowWireTest, AHandshakeMayBeBlockedWriting) {
  const int small = 1; // the kernel's minimum
  for (const int fd : {client->connection->fd(), server->connection->fd()}) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  }
  // A certificate that does not fit.
  std::string names = "DNS:a.example";
  for (int i = 0; i < 1'500; ++i) {
    names += base::cat(",DNS:name-", i, ".example");
  }
  test::SelfSigned large("large", names);
  large.use(serverContext.get());
  start();
  bool blocked = false;
  for (int i = 0; i < 5'000 && !(client->connected && server->connected); ++i) {
    carry(512);
    blocked = blocked || serverTls->unsent() > 0;
  }
  EXPECT_TRUE(blocked);
  ASSERT_TRUE(client->connected && server->connected)
      << client->connection->failureReason() << server->connection->failureReason();
  write(bytes("through"), *client);
  for (int i = 0; i < 1'000 && server->received != "through"; ++i) {
    carry(512);
  }
  EXPECT_EQ(server->received, "through");
}

} // namespace
} // namespace moe::tls
