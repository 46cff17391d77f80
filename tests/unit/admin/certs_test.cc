#include "admin/certs.h"

#include <gtest/gtest.h>

#include "tls/self_signed.h"

namespace moe::admin {
namespace {

std::string keyPem(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  BIO_mem_contents(out.get(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

TEST(Certs, OfEveryContextInUse) {
  event::Loop main;
  const event::WorkerLoops workers;
  stats::Store store;
  const stats::Scope scope = store.root();
  tls::TransportCompiler compiler(
      {.mainLoop = main, .workers = workers, .concurrency = 1, .stats = store});
  const tls::test::SelfSigned own("own", "DNS:own.test,URI:spiffe://mesh/own,IP:10.0.0.1");
  const tls::test::SelfSigned ca("ca");
  envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext context;
  auto& common = *context.mutable_common_tls_context();
  auto& certificate = *common.add_tls_certificates();
  certificate.mutable_certificate_chain()->set_inline_string(tls::test::pem(own.certificate.get()));
  certificate.mutable_private_key()->set_inline_string(keyPem(own.key.get()));
  common.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(
      tls::test::pem(ca.certificate.get()));
  envoy::config::core::v3::TransportSocket socket;
  socket.mutable_typed_config()->PackFrom(context);
  auto handle = compiler.client(socket, config::FieldPath("c"), {.scope = scope});
  ASSERT_TRUE(handle.ok()) << handle.status();

  const auto out = certificates(compiler, /*now=*/0);
  ASSERT_EQ(out.certificates_size(), 1);
  ASSERT_EQ(out.certificates(0).cert_chain_size(), 1);
  ASSERT_EQ(out.certificates(0).ca_cert_size(), 1);
  const auto& chain = out.certificates(0).cert_chain(0);
  EXPECT_EQ(chain.path(), "<inline>");
  EXPECT_EQ(chain.serial_number(), "1234abcd");
  ASSERT_EQ(chain.subject_alt_names_size(), 3);
  EXPECT_EQ(chain.subject_alt_names(0).dns(), "own.test");
  EXPECT_EQ(chain.subject_alt_names(1).uri(), "spiffe://mesh/own");
  EXPECT_EQ(chain.subject_alt_names(2).ip_address(), "10.0.0.1");
  EXPECT_EQ(chain.expiration_time().seconds() - chain.valid_from().seconds(), 660);
  EXPECT_EQ(chain.days_until_expiration(),
            static_cast<uint64_t>(chain.expiration_time().seconds() / 86'400));
  EXPECT_FALSE(chain.has_ocsp_details());

  *handle = {};
  EXPECT_EQ(certificates(compiler, 0).certificates_size(), 0);
}

} // namespace
} // namespace moe::admin
