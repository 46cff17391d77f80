#include "config/typed_config.h"

#include <envoy/config/core/v3/address.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/duration.pb.h>
#include <gtest/gtest.h>
#include <udpa/type/v1/typed_struct.pb.h>
#include <xds/type/v3/typed_struct.pb.h>

namespace moe::config {
namespace {

using envoy::config::core::v3::SocketAddress;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kSocketAddress = "envoy.config.core.v3.SocketAddress";

google::protobuf::Any pack(const google::protobuf::Message& message) {
  google::protobuf::Any any;
  any.PackFrom(message);
  return any;
}

template <class TypedStruct> TypedStruct typedStruct(const std::string& type) {
  TypedStruct out;
  out.set_type_url("type.googleapis.com/" + type);
  (*out.mutable_value()->mutable_fields())["address"].set_string_value("10.0.0.1");
  (*out.mutable_value()->mutable_fields())["portValue"].set_number_value(80);
  return out;
}

struct Factory {
  std::string name;
};

TEST(TypedConfig, UnpackTo) {
  SocketAddress address;
  address.set_address("10.0.0.1");
  auto unpacked = unpackTo<SocketAddress>(pack(address));
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->address(), "10.0.0.1");

  EXPECT_EQ(
      unpackTo<SocketAddress>(pack(google::protobuf::Duration()), FieldPath("a"))
          .status()
          .message(),
      "a: found \"google.protobuf.Duration\", expected \"envoy.config.core.v3.SocketAddress\"");
  google::protobuf::Any broken = pack(address);
  broken.set_value("\xFF\xFF");
  EXPECT_THAT(unpackTo<SocketAddress>(broken, FieldPath("a")).status().message(),
              HasSubstr("a: found bytes that do not parse"));
  EXPECT_THAT(unpackTo<SocketAddress>({}, FieldPath("a")).status().message(),
              HasSubstr("a: found no \"@type\""));
}

TEST(TypedConfig, TypedStructsOfBothPackages) {
  auto old =
      unpackTo<SocketAddress>(pack(typedStruct<udpa::type::v1::TypedStruct>(kSocketAddress)));
  auto now = unpackTo<SocketAddress>(pack(typedStruct<xds::type::v3::TypedStruct>(kSocketAddress)));
  ASSERT_TRUE(old.ok()) << old.status();
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(old->port_value(), 80u);
  EXPECT_EQ(now->address(), "10.0.0.1");
}

TEST(TypedConfig, TypedStructThatDoesNotFit) {
  auto wrapped = typedStruct<xds::type::v3::TypedStruct>(kSocketAddress);
  (*wrapped.mutable_value()->mutable_fields())["port_vale"].set_number_value(1);
  EXPECT_THAT(unpack(pack(wrapped), FieldPath("f.typed_config")).status().message(),
              HasSubstr("f.typed_config.value.port_vale: unknown field \"port_vale\""));
}

TEST(TypedConfig, TypedStructOfUnknownTypeStays) {
  auto unpacked =
      unpack(pack(typedStruct<udpa::type::v1::TypedStruct>("io.istio.Other")), FieldPath("f"));
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->typeName, "io.istio.Other");
  EXPECT_EQ(unpacked->message->GetDescriptor()->full_name(), "udpa.type.v1.TypedStruct");
  EXPECT_EQ(unpacked->path.str(), "f.value");
}

TEST(FactoryMap, ResolvesByMessageType) {
  FactoryMap<Factory> map;
  ASSERT_TRUE(map.add(kSocketAddress, std::make_unique<Factory>(Factory{"addr"})).ok());
  ASSERT_TRUE(map.add("io.istio.Other", std::make_unique<Factory>(Factory{"other"})).ok());
  EXPECT_EQ(map.add(kSocketAddress, std::make_unique<Factory>()).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(map.supported(), ElementsAre(kSocketAddress, "io.istio.Other"));

  FieldPath path("filters[0].typed_config");
  auto direct = map.resolve(pack(SocketAddress()), "x", path);
  ASSERT_TRUE(direct.ok()) << direct.status();
  EXPECT_EQ(direct->factory->name, "addr");
  auto wrapped =
      map.resolve(pack(typedStruct<xds::type::v3::TypedStruct>(kSocketAddress)), "x", path);
  ASSERT_TRUE(wrapped.ok());
  EXPECT_EQ(wrapped->factory->name, "addr");
  EXPECT_EQ(static_cast<SocketAddress&>(*wrapped->config.message).port_value(), 80u);
  auto unknown =
      map.resolve(pack(typedStruct<xds::type::v3::TypedStruct>("io.istio.Other")), "x", path);
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(unknown->factory->name, "other");
}

TEST(FactoryMap, ErrorsNameTheExtensionItsTypeAndTheSupportedOnes) {
  FactoryMap<Factory> map;
  ASSERT_TRUE(map.add(kSocketAddress, std::make_unique<Factory>()).ok());
  auto status =
      map.resolve(pack(google::protobuf::Duration()), "my.filter", FieldPath("f")).status();
  EXPECT_EQ(status.message(),
            "f: found extension \"my.filter\" of type \"google.protobuf.Duration\", expected one "
            "of envoy.config.core.v3.SocketAddress");
  EXPECT_EQ(pathOf(status), "f");
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/no.Such");
  EXPECT_THAT(map.resolve(any, "my.filter", FieldPath("f")).status().message(),
              HasSubstr("\"my.filter\" of type \"type.googleapis.com/no.Such\", expected one of"));
}

} // namespace
} // namespace moe::config
