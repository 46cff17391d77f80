#include "tls/certificate_details.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "base/strings.h"
#include "config/coverage.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "tls/certificate_maker.h"
#include "tls/supported_fields.h"

namespace moe::tls {
namespace {

using config::FieldPath;
using test::Made;
using test::make;
using Kind = CertificateDetails::Kind;

TEST(CertificateDetailsTest, OfACertificate) {
  const Made made = make({.commonName = "a",
                          .names = {"IP:10.0.0.1", "URI:spiffe://td/x", "DNS:a.com"},
                          .until = 3 * 24 * 3600 + 60,
                          .serial = 0x99});
  envoy::extensions::transport_sockets::tls::v3::TlsCertificate proto;
  proto.mutable_certificate_chain()->set_inline_string(made.pem());
  proto.mutable_private_key()->set_inline_string(made.keyPem());
  proto.mutable_ocsp_staple()->set_inline_bytes(test::makeOcsp(0x99, 3600));
  const auto certificate = loadCertificate(proto, FieldPath());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const CertificateDetails details = detailsOf(**certificate);
  EXPECT_EQ(details.path, "<inline>");
  EXPECT_EQ(details.serial, "99");
  ASSERT_EQ(details.names.size(), 3u);
  EXPECT_EQ(details.names[0].kind, Kind::Dns);
  EXPECT_EQ(details.names[1].value, "spiffe://td/x");
  EXPECT_EQ(details.names[2].value, "10.0.0.1");
  const int64_t now = ::time(nullptr);
  EXPECT_EQ(details.daysUntilExpiration(now), 3u);
  EXPECT_EQ(details.daysUntilExpiration(details.expires + 1), 0u);
  EXPECT_EQ(details.expires - details.validFrom, 3 * 24 * 3600 + 60 + 3600);
  ASSERT_TRUE(details.ocsp.has_value());
  EXPECT_EQ(details.ocsp->expires - details.ocsp->validFrom, 3660);

  const CertificatePtr one[] = {*certificate};
  EXPECT_EQ(daysUntilFirstExpires(one, {}, now), 3u);
  EXPECT_LE(*secondsUntilFirstOcspExpires(one, now), 3600u);
  EXPECT_GT(*secondsUntilFirstOcspExpires(one, now), 3500u);
  EXPECT_EQ(daysUntilFirstExpires({}, {}, now), std::nullopt);
}

TEST(CertificateDetailsTest, OfABundle) {
  const Made one = make({.commonName = "one", .ca = true, .until = 100 * 24 * 3600});
  const Made two = make({.commonName = "two", .ca = true, .until = 24 * 3600 + 100});
  const auto trust =
      Trust::parse(one.pem() + two.pem(), FieldPath(), "", FieldPath(), "/etc/ca.pem");
  ASSERT_TRUE(trust.ok());
  const auto details = detailsOf(**trust);
  ASSERT_EQ(details.size(), 2u);
  EXPECT_EQ(details[1].path, "/etc/ca.pem");
  const TrustPtr trusts[] = {*trust};
  EXPECT_EQ(daysUntilFirstExpires({}, trusts, ::time(nullptr)), 1u);
}

TEST(TrustTest, Errors) {
  const auto error = [](std::string_view ca, std::string_view crl) {
    const auto trust = Trust::parse(ca, FieldPath("ca"), crl, FieldPath("crl"), "");
    return trust.ok() ? "" : std::string(base::message(trust.status()));
  };
  const Made ca = make({.commonName = "ca", .ca = true});
  EXPECT_EQ(error("nothing", ""),
            "ca: found no certificate, expected certificates of authorities in PEM");
  std::string broken = ca.pem();
  broken[40] = '!';
  EXPECT_EQ(error(broken, "").substr(0, 47), "ca: found a PEM block that does not parse: BAD_");
  EXPECT_EQ(error(ca.pem(), ca.pem()), "crl: found no revocation list, expected certificate "
                                       "revocation lists in PEM");
  EXPECT_EQ(error(ca.pem(), test::makeCrl(ca, {})), "");
}

TEST(SupportedFieldsTest, NameFieldsThatExist) {
  config::Coverage coverage;
  coverage.add(kFields);
  EXPECT_EQ(coverage.unknownEntries(), std::vector<std::string>());
}

// What the compiled API has and nobody acts on is known here, so that a new version's fields are
// seen.
TEST(SupportedFieldsTest, WhatIsLeftOutIsRefused) {
  config::Coverage coverage;
  coverage.add(kFields);
  std::vector<std::string> missing;
  const auto* file =
      envoy::extensions::transport_sockets::tls::v3::CommonTlsContext::descriptor()->file();
  const std::vector<const google::protobuf::Descriptor*> messages = {
      file->FindMessageTypeByName("UpstreamTlsContext"),
      file->FindMessageTypeByName("DownstreamTlsContext"),
      file->FindMessageTypeByName("CommonTlsContext"),
      file->FindMessageTypeByName("TlsKeyLog"),
      envoy::extensions::transport_sockets::tls::v3::TlsParameters::descriptor(),
      envoy::extensions::transport_sockets::tls::v3::TlsCertificate::descriptor(),
      envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext::descriptor(),
      envoy::extensions::transport_sockets::tls::v3::SubjectAltNameMatcher::descriptor()};
  for (const auto* message : messages) {
    for (int i = 0; i < message->field_count(); ++i) {
      if (!coverage.claims(*message->field(i))) {
        missing.push_back(message->field(i)->name());
      }
    }
  }
  std::sort(missing.begin(), missing.end());
  const std::vector<std::string> expected = {
      "ca_certificate_provider_instance",
      "custom_handshaker",
      "custom_tls_certificate_selector",
      "private_key_provider",
      "signed_certificate_timestamp",
      "system_root_certs",
      "tls_certificate_certificate_provider",
      "tls_certificate_certificate_provider_instance",
      "tls_certificate_provider_instance",
      "tls_params", // of one certificate
      "validation_context_certificate_provider",
      "validation_context_certificate_provider_instance",
      "watched_directory",
      "watched_directory",
  };
  EXPECT_EQ(missing, expected);
}

} // namespace
} // namespace moe::tls
