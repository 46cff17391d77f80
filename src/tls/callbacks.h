#pragma once

#include <openssl/ssl.h>

namespace moe::tls {

// What BoringSSL calls during a handshake of an SSL that has an SslState, on the connection's
// thread.

// SSL_set_custom_verify: checks the peer's chain, also that of a session that is resumed.
ssl_verify_result_t verifyPeer(SSL* ssl, uint8_t* alert);
// SSL_CTX_set_select_certificate_cb: chooses certificates by SNI.
ssl_select_cert_result_t selectCertificate(const SSL_CLIENT_HELLO* hello);
// SSL_CTX_set_alpn_select_cb: the server's first protocol that the client has, too.
int selectAlpn(SSL* ssl, const uint8_t** out, uint8_t* length, const uint8_t* in, unsigned inLength,
               void* unused);
// SSL_CTX_sess_set_new_cb: hands a client's session to its pool.
int keepSession(SSL* ssl, SSL_SESSION* session);
// SSL_CTX_set_keylog_callback.
void logKey(const SSL* ssl, const char* line);
// SSL_CTX_set_info_callback: notes what is known at the end of a handshake only.
void noteProgress(const SSL* ssl, int type, int value);

// SSL_CTX_set_ticket_aead_method: seals and opens tickets. A ticket opens only if the chain of its
// session still passes the check (BoringSSL does not check it again on servers); else there is a
// full handshake.
size_t ticketOverhead(SSL* ssl);
int sealTicket(SSL* ssl, uint8_t* out, size_t* length, size_t limit, const uint8_t* in,
               size_t inLength);
ssl_ticket_aead_result_t openTicket(SSL* ssl, uint8_t* out, size_t* length, size_t limit,
                                    const uint8_t* in, size_t inLength);
inline constexpr SSL_TICKET_AEAD_METHOD kTicketMethod = {&ticketOverhead, &sealTicket, &openTicket};

} // namespace moe::tls
