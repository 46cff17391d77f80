#pragma once

#include <memory>
#include <string>

#include "tls/peer.h"
#include "tls/peer_chain.h"
#include "tls/self_signed.h"

namespace moe::tls::test {

// What two ends know of each other after a handshake in memory.
struct Peers {
  // Names as SelfSigned takes them. Without `clientSans`, the client shows no certificate.
  Peers(const SelfSigned& server, const SelfSigned* client) {
    bssl::UniquePtr<SSL_CTX> contexts[2] = {bssl::UniquePtr<SSL_CTX>(SSL_CTX_new(TLS_method())),
                                            bssl::UniquePtr<SSL_CTX>(SSL_CTX_new(TLS_method()))};
    const auto accept = [](SSL*, uint8_t*) { return ssl_verify_ok; };
    server.use(contexts[0].get());
    if (client != nullptr) {
      client->use(contexts[1].get());
      SSL_CTX_set_custom_verify(contexts[0].get(), SSL_VERIFY_PEER, accept);
    }
    SSL_CTX_set_custom_verify(contexts[1].get(), SSL_VERIFY_PEER, accept);
    bssl::UniquePtr<SSL> ends[2] = {bssl::UniquePtr<SSL>(SSL_new(contexts[0].get())),
                                    bssl::UniquePtr<SSL>(SSL_new(contexts[1].get()))};
    SSL_set_accept_state(ends[0].get());
    SSL_set_connect_state(ends[1].get());
    SSL_set_tlsext_host_name(ends[1].get(), "web.example");
    BIO* bios[2] = {nullptr, nullptr};
    BIO_new_bio_pair(&bios[0], 64 * 1024, &bios[1], 64 * 1024);
    SSL_set_bio(ends[0].get(), bios[0], bios[0]);
    SSL_set_bio(ends[1].get(), bios[1], bios[1]);
    for (int i = 0; i < 10; ++i) {
      (void)SSL_do_handshake(ends[1].get());
      (void)SSL_do_handshake(ends[0].get());
    }
    seenByServer = make(ends[0].get(), &server);
    seenByClient = make(ends[1].get(), client);
  }

  std::shared_ptr<const TlsPeer> seenByServer; // the client
  std::shared_ptr<const TlsPeer> seenByClient;

private:
  static std::shared_ptr<const TlsPeer> make(SSL* ssl, const SelfSigned* local) {
    auto chain = std::make_unique<PeerChain>();
    chain->ssl = ssl;
    chain->verified = true;
    chain->session.reset(SSL_get1_session(ssl));
    if (local != nullptr) {
      chain->local = bssl::UpRef(local->certificate);
    }
    return std::make_shared<const TlsPeer>(std::move(chain));
  }
};

} // namespace moe::tls::test
