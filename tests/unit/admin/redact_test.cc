#include "admin/redact.h"

#include <gtest/gtest.h>

#include "envoy/admin/v3/config_dump.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace moe::admin {
namespace {

using envoy::extensions::transport_sockets::tls::v3::Secret;

TEST(Redact, HidesKeysButNotCertificatesThroughAny) {
  Secret secret;
  secret.set_name("server");
  auto& certificate = *secret.mutable_tls_certificate();
  certificate.mutable_certificate_chain()->set_inline_string("public");
  certificate.mutable_private_key()->set_inline_string("key text");
  certificate.mutable_password()->set_inline_bytes("pass bytes");
  envoy::admin::v3::ConfigDump dump;
  dump.add_configs()->PackFrom(secret);
  redact(dump);
  Secret seen;
  ASSERT_TRUE(dump.configs(0).UnpackTo(&seen));
  EXPECT_EQ(seen.name(), "server");
  EXPECT_EQ(seen.tls_certificate().certificate_chain().inline_string(), "public");
  EXPECT_EQ(seen.tls_certificate().private_key().inline_string(), kRedacted);
  EXPECT_EQ(seen.tls_certificate().password().inline_bytes(), kRedacted);
}

TEST(Redact, FilesAndEnvironmentVariablesStay) {
  Secret secret;
  secret.mutable_tls_certificate()->mutable_private_key()->set_filename("/etc/key.pem");
  secret.mutable_tls_certificate()->mutable_password()->set_environment_variable("PASS");
  redact(secret);
  EXPECT_EQ(secret.tls_certificate().private_key().filename(), "/etc/key.pem");
  EXPECT_EQ(secret.tls_certificate().password().environment_variable(), "PASS");
}

TEST(Redact, FieldsThatTheApiMarksAsSensitive) {
  Secret secret;
  secret.mutable_generic_secret()->mutable_secret()->set_inline_string("generic");
  redact(secret);
  EXPECT_EQ(secret.generic_secret().secret().inline_string(), kRedacted);
  Secret keys;
  keys.mutable_session_ticket_keys()->add_keys()->set_inline_bytes("ticket");
  redact(keys);
  EXPECT_EQ(keys.session_ticket_keys().keys(0).inline_bytes(), kRedacted);
}

TEST(Redact, StructsByTheirKeys) {
  xds::type::v3::TypedStruct config;
  auto& fields = *config.mutable_value()->mutable_fields();
  fields["redis_password"].set_string_value("a");
  fields["clientSecret"].set_string_value("b");
  fields["pass-phrase"].set_string_value("kept");
  fields["path"].set_string_value("kept");
  auto& nested = *fields["private_key"].mutable_struct_value()->mutable_fields();
  nested["inline_string"].set_string_value("c");
  nested["filename"].set_string_value("kept");
  fields["list"]
      .mutable_list_value()
      ->add_values()
      ->mutable_struct_value()
      ->mutable_fields()
      ->insert({"api-key", google::protobuf::Value()});
  auto& inList = *fields["list"].mutable_list_value()->mutable_values(0);
  (*inList.mutable_struct_value()->mutable_fields())["api-key"].set_number_value(7);
  redact(config);
  EXPECT_EQ(fields["redis_password"].string_value(), kRedacted);
  EXPECT_EQ(fields["clientSecret"].string_value(), kRedacted);
  EXPECT_EQ(fields["pass-phrase"].string_value(), "kept");
  EXPECT_EQ(fields["path"].string_value(), "kept");
  EXPECT_EQ(nested["inline_string"].string_value(), kRedacted);
  EXPECT_EQ(nested["filename"].string_value(), "kept");
  EXPECT_EQ(inList.struct_value().fields().at("api-key").string_value(), kRedacted);
}

TEST(Redact, AnUnknownTypeBecomesATextThatNamesIt) {
  envoy::admin::v3::ConfigDump dump;
  dump.add_configs()->set_type_url("type.googleapis.com/no.such.Type");
  dump.mutable_configs(0)->set_value("abc");
  redact(dump);
  google::protobuf::StringValue text;
  ASSERT_TRUE(dump.configs(0).UnpackTo(&text));
  EXPECT_EQ(text.value(), "3 bytes of the unknown type no.such.Type");
}

} // namespace
} // namespace moe::admin
