// Secrets that come by name and change.

#include <gtest/gtest.h>

#include <thread>

#include "base/strings.h"
#include "tls/fake_secrets.h"
#include "tls/handshake.h"
#include "tls/transport.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using test::Handshake;
using test::Made;
using test::make;
using TransportProto = envoy::config::core::v3::TransportSocket;

v3::Secret certificate(const std::string& name, const Made& leaf) {
  v3::Secret secret;
  secret.set_name(name);
  auto& proto = *secret.mutable_tls_certificate();
  proto.mutable_certificate_chain()->set_inline_string(leaf.pem());
  proto.mutable_private_key()->set_inline_string(leaf.keyPem());
  return secret;
}

v3::Secret bundle(const std::string& name, const Made& ca) {
  v3::Secret secret;
  secret.set_name(name);
  secret.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca.pem());
  return secret;
}

void bySds(v3::SdsSecretConfig& config, const std::string& name) {
  config.set_name(name);
  config.mutable_sds_config()->mutable_ads();
}

TransportProto packed(const google::protobuf::Message& context) {
  TransportProto out;
  out.set_name("tls");
  out.mutable_typed_config()->PackFrom(context);
  return out;
}

class RotationTest : public testing::Test {
protected:
  RotationTest() {
    workers.add(worker);
    bySds(*down.mutable_common_tls_context()->add_tls_certificate_sds_secret_configs(), "leaf");
    bySds(*up.mutable_common_tls_context()->mutable_validation_context_sds_secret_config(),
          "ROOTCA");
  }
  ~RotationTest() override {
    compiler.reset();
    main.runOnce();
  }

  absl::StatusOr<ServerContextHandle> server(config::Warming* warming = nullptr) {
    return compiler->server(packed(down), {}, FieldPath("d"),
                            {.scope = listener, .warming = warming});
  }
  absl::StatusOr<ClientContextHandle> client(config::Warming* warming = nullptr) {
    return compiler->client(packed(up), FieldPath("u"), {.scope = cluster, .warming = warming});
  }
  absl::Status send(const v3::Secret& secret) {
    const absl::Status status = source.send(secret);
    worker.runOnce();
    return status;
  }
  // Whom the client sees, or what went wrong.
  static std::string shake(const ServerContextHandle& server, const ClientContextHandle& client) {
    const ServerContext* from = server.get(0);
    const ClientContext* to = client.get(0);
    if (from == nullptr || to == nullptr) {
      return "not ready";
    }
    Handshake shake(from->newSsl(), to->newSsl());
    return shake.run() ? shake.serverName() : "failed";
  }
  uint64_t counter(const std::string& name) {
    const stats::Counter* found = store.findCounter(name);
    return found == nullptr ? 0 : found->value();
  }

  event::Loop main; // outlives the contexts
  event::Loop worker;
  event::WorkerLoops workers;
  stats::Store store;
  test::FakeSecrets source;
  stats::Scope listener = store.root().child("listener", "envoy_listener_address", "a");
  stats::Scope cluster = store.root().child("cluster", "envoy_cluster_name", "c");
  std::unique_ptr<TransportCompiler> compiler =
      std::make_unique<TransportCompiler>(TransportCompiler::Options{.secrets = &source,
                                                                     .mainLoop = main,
                                                                     .workers = workers,
                                                                     .concurrency = 1,
                                                                     .stats = store});
  Made ca = make({.commonName = "root", .ca = true});
  Made first = make({.commonName = "first", .names = {"DNS:web.com"}, .issuer = &ca});
  Made second = make({.commonName = "second", .names = {"DNS:web.com"}, .issuer = &ca});
  v3::DownstreamTlsContext down;
  v3::UpstreamTlsContext up;
};

TEST_F(RotationTest, ContextsAppearAndRotateAndConnectionsKeepTheirs) {
  const auto from = server();
  const auto to = client();
  ASSERT_TRUE(from.ok()) << from.status();
  ASSERT_TRUE(to.ok()) << to.status();
  EXPECT_EQ(source.prefix, "sds.ROOTCA.");
  EXPECT_EQ(shake(*from, *to), "not ready");
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  EXPECT_EQ(shake(*from, *to), "first");
  Handshake begun(from->get(0)->newSsl(), to->get(0)->newSsl());
  ASSERT_EQ(send(certificate("leaf", second)), absl::OkStatus());
  EXPECT_EQ(shake(*from, *to), "second");
  ASSERT_TRUE(begun.run());
  EXPECT_EQ(begun.serverName(), "first");
  EXPECT_EQ(counter("listener.a.server_ssl_socket_factory.ssl_context_update_by_sds"), 2u);
  EXPECT_EQ(counter("cluster.c.client_ssl_socket_factory.ssl_context_update_by_sds"), 1u);
  const Made other = make({.commonName = "other", .ca = true});
  ASSERT_EQ(send(bundle("ROOTCA", other)), absl::OkStatus());
  EXPECT_EQ(shake(*from, *to), "failed");
}

TEST_F(RotationTest, WithoutSecretsConnectionsAreRefusedAndCounted) {
  const auto from = server();
  ASSERT_TRUE(from.ok());
  TlsStats stats(listener.child("ssl"));
  const ServerTransport transport(*from, stats);
  EXPECT_EQ(transport.create(0, nullptr, nullptr)->failure(),
            "TLS error: Secret is not supplied by SDS");
  EXPECT_EQ(counter("listener.a.server_ssl_socket_factory.downstream_context_secrets_not_ready"),
            1u);
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  EXPECT_EQ(transport.create(0, nullptr, nullptr)->failure(), "");
  EXPECT_EQ(counter("listener.a.server_ssl_socket_factory.downstream_context_secrets_not_ready"),
            1u);
}

TEST_F(RotationTest, WhatIsRefusedChangesNothing) {
  const auto from = server();
  const auto to = client();
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  v3::Secret bad = certificate("leaf", second);
  bad.mutable_tls_certificate()->mutable_private_key()->set_inline_string(first.keyPem());
  const std::string mismatch(base::message(send(bad)));
  EXPECT_EQ(mismatch.substr(0, mismatch.find(':')), "tls_certificate.private_key");
  bad.mutable_tls_certificate()->clear_private_key();
  EXPECT_EQ(base::message(send(bad)), "tls_certificate.private_key: found nothing, expected the "
                                      "certificate's private key");
  bad = bundle("leaf", ca);
  EXPECT_EQ(base::message(send(bad)),
            "d.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0]: found the "
            "secret \"leaf\" with validation_context, expected one with tls_certificate");
  bad.clear_type();
  EXPECT_EQ(base::message(send(bad)), "found nothing, expected tls_certificate, "
                                      "validation_context or session_ticket_keys");
  bad = certificate("other", second);
  EXPECT_EQ(base::message(source.receivers.at("leaf")->onResource(bad)),
            "name: found \"other\", expected \"leaf\"");
  worker.runOnce();
  EXPECT_EQ(shake(*from, *to), "first");
  // Another secret of the same context does not bring it in.
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  EXPECT_EQ(shake(*from, *to), "first");
}

TEST_F(RotationTest, TheWaitIsOverWhenAllSecretsAreKnown) {
  bySds(*down.mutable_common_tls_context()->mutable_validation_context_sds_secret_config(),
        "ROOTCA");
  bySds(*down.mutable_session_ticket_keys_sds_secret_config(), "tickets");
  config::Warming warming;
  const auto from = server(&warming);
  ASSERT_TRUE(from.ok()) << from.status();
  EXPECT_FALSE(warming.done());
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  v3::Secret keys;
  keys.set_name("tickets");
  keys.mutable_session_ticket_keys()->add_keys()->set_inline_bytes(std::string(80, 'k'));
  ASSERT_EQ(send(keys), absl::OkStatus());
  EXPECT_FALSE(warming.done());
  EXPECT_EQ(from->get(0), nullptr);
  source.receivers.at("ROOTCA")->onAbsent();
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(from->get(0), nullptr);
  // It comes after all.
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  EXPECT_NE(from->get(0), nullptr);
  // What is taken away stays in use.
  source.receivers.at("ROOTCA")->onAbsent();
  worker.runOnce();
  EXPECT_NE(from->get(0), nullptr);
}

TEST_F(RotationTest, ARefusedSecretHoldsUpNobody) {
  config::Warming warming;
  const auto from = server(&warming);
  v3::Secret bad = certificate("leaf", first);
  bad.mutable_tls_certificate()->clear_private_key();
  EXPECT_FALSE(send(bad).ok());
  EXPECT_TRUE(warming.done());
}

TEST_F(RotationTest, ASecretIsWatchedOnceAndCompiledOnce) {
  auto* common = up.mutable_common_tls_context();
  bySds(*common->add_tls_certificate_sds_secret_configs(), "leaf");
  std::vector<ClientContextHandle> clients;
  for (const char* sni : {"a.com", "b.com", "c.com"}) {
    up.set_sni(sni);
    clients.push_back(*client());
  }
  EXPECT_EQ(source.watches, 2);
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  const Credentials* before = clients[0].get(0)->parts().credentials.get();
  ASSERT_NE(before, nullptr);
  ASSERT_EQ(source.send(certificate("leaf", second)), absl::OkStatus());
  // The worker sees it in a turn of its own.
  EXPECT_EQ(clients[2].get(0)->parts().credentials.get(), before);
  worker.runOnce();
  const ClientContext::Parts& parts = clients[0].get(0)->parts();
  EXPECT_NE(parts.credentials.get(), before);
  for (const ClientContextHandle& each : clients) {
    EXPECT_EQ(each.get(0)->parts().credentials, parts.credentials);
    EXPECT_EQ(each.get(0)->verifier().trust().trust, parts.verifier->trust().trust);
  }
  // A context that comes later has it at once.
  up.set_sni("d.com");
  config::Warming warming;
  const auto late = client(&warming);
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(late->get(0)->parts().credentials, parts.credentials);
  EXPECT_EQ(source.watches, 2);
  // Other sources have other secrets.
  common->mutable_tls_certificate_sds_secret_configs(0)
      ->mutable_sds_config()
      ->mutable_initial_fetch_timeout()
      ->set_seconds(1);
  ASSERT_TRUE(client().ok());
  EXPECT_EQ(source.watches, 3);
}

TEST_F(RotationTest, WhoCanTakeASecretDoesThoughOthersRefuse) {
  down.mutable_require_client_certificate()->set_value(true);
  bySds(*down.mutable_common_tls_context()->mutable_validation_context_sds_secret_config(),
        "ROOTCA");
  const auto from = server();
  const auto to = client();
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  const ServerContext* before = from->get(0);
  ASSERT_NE(before, nullptr);
  v3::Secret nothing;
  nothing.set_name("ROOTCA");
  nothing.mutable_validation_context();
  EXPECT_EQ(base::message(send(nothing)),
            "d.typed_config.require_client_certificate: found true, and nothing to check the "
            "certificates against, expected trusted_ca or another check in validation_context");
  EXPECT_EQ(from->get(0), before);
  EXPECT_EQ(to->get(0)->verifier().trust().trust, nullptr);
  // It goes on with its own when another of its secrets changes.
  ASSERT_EQ(send(certificate("leaf", second)), absl::OkStatus());
  EXPECT_NE(from->get(0)->verifier().trust().trust, nullptr);
}

TEST_F(RotationTest, WhatNeedsNoSecretIsCheckedAtOnce) {
  up.mutable_common_tls_context()->add_alpn_protocols("");
  EXPECT_EQ(base::message(client().status()), "u.typed_config.common_tls_context.alpn_protocols[0]"
                                              ": found \"\", expected a protocol of 1 to 255 "
                                              "bytes");
  auto* combined = up.mutable_common_tls_context()->mutable_combined_validation_context();
  up.mutable_common_tls_context()->clear_alpn_protocols();
  bySds(*combined->mutable_validation_context_sds_secret_config(), "ROOTCA");
  auto* matcher =
      combined->mutable_default_validation_context()->add_match_typed_subject_alt_names();
  matcher->set_san_type(v3::SubjectAltNameMatcher::DNS);
  matcher->mutable_matcher()->set_exact("web.com");
  ASSERT_TRUE(client().ok()) << client().status(); // trusted_ca comes with the secret
  combined->mutable_default_validation_context()->add_verify_certificate_hash("short");
  EXPECT_FALSE(client().ok());
  main.runOnce();
  EXPECT_TRUE(source.receivers.empty()); // what was refused watches nothing
  bySds(*down.mutable_common_tls_context()->mutable_tls_certificate_sds_secret_configs(0), "x");
  down.mutable_common_tls_context()
      ->mutable_tls_certificate_sds_secret_configs(0)
      ->mutable_sds_config()
      ->mutable_self();
  EXPECT_EQ(base::message(server().status()),
            "d.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].sds_config: "
            "found something else, expected ads");
}

TEST_F(RotationTest, ASecretThatIsThereAtOnceIsTaken) {
  source.present["leaf"] = certificate("leaf", first);
  config::Warming warming;
  const auto from = server(&warming);
  ASSERT_TRUE(from.ok());
  EXPECT_TRUE(warming.done());
  worker.runOnce();
  EXPECT_NE(from->get(0), nullptr);
  // A bad one is refused as any other: it may be mended.
  source.present["ROOTCA"] = bundle("ROOTCA", ca);
  source.present["ROOTCA"].mutable_validation_context()->mutable_trusted_ca()->set_inline_string(
      "nothing");
  const auto to = client();
  ASSERT_TRUE(to.ok());
  EXPECT_FALSE(source.answer.ok());
  EXPECT_EQ(to->get(0), nullptr);
}

TEST_F(RotationTest, NothingIsWatchedForContextsThatAreGone) {
  auto from = server();
  auto again = server();
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  *from = ServerContextHandle();
  main.runOnce();
  EXPECT_EQ(source.receivers.size(), 1u);
  std::thread([last = std::move(*again)]() mutable { last = {}; }).join(); // on a worker
  EXPECT_EQ(source.receivers.size(), 1u);
  main.runOnce();
  EXPECT_TRUE(source.receivers.empty());
}

TEST_F(RotationTest, ContextsMayOutliveTheirCompiler) {
  const auto from = server();
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  compiler.reset();
  EXPECT_TRUE(source.receivers.empty());
}

TEST_F(RotationTest, EveryContextInUseIsVisited) {
  const auto from = server();
  const auto to = client();
  v3::DownstreamTlsContext fixed = test::downstream(second);
  const auto other = compiler->server(packed(fixed), {}, FieldPath("d"), {.scope = listener});
  ASSERT_TRUE(other.ok()) << other.status();
  const auto visited = [&] {
    std::vector<std::pair<size_t, size_t>> out;
    compiler->forEach(
        [&](std::span<const CertificatePtr> own, const std::vector<TrustPtr>& trusts) {
          out.emplace_back(own.size(), trusts.size());
        });
    std::sort(out.begin(), out.end());
    return out;
  };
  using All = std::vector<std::pair<size_t, size_t>>;
  EXPECT_EQ(visited(), (All{{1, 0}}));
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  ASSERT_EQ(send(bundle("ROOTCA", ca)), absl::OkStatus());
  EXPECT_EQ(visited(), (All{{0, 1}, {1, 0}, {1, 0}}));
}

class StaticSecretsTest : public RotationTest {
protected:
  StaticSecretsTest() {
    down.mutable_common_tls_context()
        ->mutable_tls_certificate_sds_secret_configs(0)
        ->clear_sds_config();
    up.mutable_common_tls_context()
        ->mutable_validation_context_sds_secret_config()
        ->clear_sds_config();
  }
  absl::Status add() { return compiler->addSecrets(secrets, FieldPath("s")); }
  google::protobuf::RepeatedPtrField<v3::Secret> secrets;
};

TEST_F(StaticSecretsTest, AreThereAtOnce) {
  *secrets.Add() = certificate("leaf", first);
  *secrets.Add() = bundle("leaf", ca); // of another kind
  *secrets.Add() = bundle("ROOTCA", ca);
  ASSERT_EQ(add(), absl::OkStatus());
  config::Warming warming;
  const auto from = server(&warming);
  const auto to = client(&warming);
  ASSERT_TRUE(from.ok()) << from.status();
  ASSERT_TRUE(to.ok()) << to.status();
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(shake(*from, *to), "first");
  EXPECT_EQ(source.watches, 0);
}

TEST_F(StaticSecretsTest, BesideOnesThatCome) {
  *secrets.Add() = bundle("ROOTCA", ca);
  ASSERT_EQ(add(), absl::OkStatus());
  bySds(*up.mutable_common_tls_context()->add_tls_certificate_sds_secret_configs(), "leaf");
  const auto to = client();
  ASSERT_TRUE(to.ok()) << to.status();
  EXPECT_EQ(to->get(0), nullptr);
  ASSERT_EQ(send(certificate("leaf", first)), absl::OkStatus());
  EXPECT_NE(to->get(0)->verifier().trust().trust, nullptr);
  EXPECT_EQ(to->get(0)->certificates().size(), 1u);
}

TEST_F(StaticSecretsTest, Errors) {
  EXPECT_EQ(base::message(server().status()),
            "d.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name: found "
            "\"leaf\", expected a secret of static_resources.secrets with tls_certificate, or "
            "sds_config");
  *secrets.Add() = certificate("leaf", first);
  *secrets.Add() = certificate("leaf", first);
  EXPECT_EQ(base::message(add()), "s[1].name: found \"leaf\" again, expected a name that no other "
                                  "secret with tls_certificate has");
  secrets.Clear();
  *secrets.Add() = certificate("broken", first);
  secrets[0].mutable_tls_certificate()->clear_private_key();
  EXPECT_EQ(base::message(add()), "s[0].tls_certificate.private_key: found nothing, expected the "
                                  "certificate's private key");
  secrets[0].clear_type();
  EXPECT_EQ(base::message(add()), "s[0]: found nothing, expected tls_certificate, "
                                  "validation_context or session_ticket_keys");
}

TEST(WithoutSource, SdsIsRefused) {
  event::Loop main;
  const event::WorkerLoops workers;
  stats::Store store;
  TransportCompiler compiler(
      {.mainLoop = main, .workers = workers, .concurrency = 1, .stats = store});
  v3::UpstreamTlsContext up;
  bySds(*up.mutable_common_tls_context()->mutable_validation_context_sds_secret_config(), "CA");
  const stats::Scope scope = store.root();
  EXPECT_EQ(base::message(compiler.client(packed(up), FieldPath("u"), {.scope = scope}).status()),
            "u.typed_config.common_tls_context.validation_context_sds_secret_config.sds_config: "
            "found SDS for \"CA\", expected none, and a secret of static_resources.secrets: "
            "nothing delivers secrets");
}

} // namespace
} // namespace moe::tls
