#include "config/all_types.h"

#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>
#include <validate/validate.pb.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace moe::config {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldDescriptorProto;

constexpr std::string_view kAll = R"(
  enum Colour NO_COLOUR RED GREEN
  message All
  int32 some_int32 1
  int64 some_int64 2
  uint32 some_uint32 3
  uint64 some_uint64 4
  float some_float 5
  double some_double 6
  bool some_bool 7
  string some_string 8
  bytes some_bytes 9
  Colour some_enum 10
  int32 renamed 11 json=odd
  repeated int32 many 12
  map<int32,string> by_number 13
  map<bool,All> by_flag 14
  All child 15
  repeated All children 16
  google.protobuf.Value anything 17
  repeated google.protobuf.Value things 18
  oneof:side int32 left 19
  oneof:side int32 right 20
  oneof:side All middle 21
  optional int32 maybe 22
  google.protobuf.Duration duration 23
  google.protobuf.Timestamp time 24
  google.protobuf.FieldMask mask 25
  google.protobuf.Struct struct 26
  google.protobuf.ListValue list 27
  google.protobuf.Any any 28
  google.protobuf.BoolValue wrapped_bool 29
  google.protobuf.UInt64Value wrapped_uint64 30
  google.protobuf.StringValue wrapped_string 31
  google.protobuf.DoubleValue wrapped_double 32
  google.protobuf.BytesValue wrapped_bytes 33
  google.protobuf.NullValue nothing 34
  int32 old 35 | deprecated: true
  map<string,google.protobuf.Value> values 36)";

class Reader {
public:
  google::protobuf::FileDescriptorProto read(std::string_view description) {
    file_.set_name("test.proto");
    file_.set_package("test");
    file_.set_syntax("proto3");
    for (const auto* imported :
         {google::protobuf::Any::descriptor(), google::protobuf::Duration::descriptor(),
          google::protobuf::FieldMask::descriptor(), google::protobuf::Struct::descriptor(),
          google::protobuf::Timestamp::descriptor(), google::protobuf::BoolValue::descriptor(),
          validate::FieldRules::descriptor()}) {
      file_.add_dependency(imported->file()->name());
    }
    for (std::string_view line : absl::StrSplit(description, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (!line.empty())
        readLine(line);
    }
    for (DescriptorProto& message : *file_.mutable_message_type())
      orderOneofs(message);
    return file_;
  }

private:
  void readLine(std::string_view line) {
    std::pair<std::string, std::string> halves = absl::StrSplit(line, absl::MaxSplits('|', 1));
    std::vector<std::string> words = absl::StrSplit(halves.first, ' ', absl::SkipEmpty());
    if (words[0] == "message") {
      message_ = file_.add_message_type();
      message_->set_name(words[1]);
      if (!halves.second.empty())
        parse(halves.second, *message_->mutable_options());
    } else if (words[0] == "enum") {
      auto* type = file_.add_enum_type();
      type->set_name(words[1]);
      for (size_t i = 2; i < words.size(); ++i) {
        auto* value = type->add_value();
        value->set_name(words[i]);
        value->set_number(static_cast<int>(i) - 2);
      }
    } else {
      readField(words, halves.second);
    }
  }

  void readField(std::vector<std::string> words, const std::string& options) {
    FieldDescriptorProto& field = *message_->add_field();
    field.set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    if (words[0] == "repeated") {
      field.set_label(FieldDescriptorProto::LABEL_REPEATED);
      words.erase(words.begin());
    } else if (words[0] == "optional") {
      field.set_proto3_optional(true);
      field.set_oneof_index(oneof("_" + words[2]));
      words.erase(words.begin());
    } else if (absl::StartsWith(words[0], "oneof:")) {
      field.set_oneof_index(oneof(words[0].substr(6)));
      words.erase(words.begin());
    }
    field.set_name(words[1]);
    setType(field, words[0]);
    int number = 0;
    EXPECT_TRUE(absl::SimpleAtoi(words[2], &number));
    field.set_number(number);
    if (words.size() > 3)
      field.set_json_name(words[3].substr(5));
    if (!options.empty())
      parse(options, *field.mutable_options());
  }

  void setType(FieldDescriptorProto& field, const std::string& type) {
    if (absl::StartsWith(type, "map<")) {
      DescriptorProto& entry = *message_->add_nested_type();
      std::vector<std::string> types = absl::StrSplit(type.substr(4, type.size() - 5), ',');
      entry.set_name(entryName(field.name()));
      entry.mutable_options()->set_map_entry(true);
      for (int i = 0; i < 2; ++i) {
        FieldDescriptorProto& half = *entry.add_field();
        half.set_name(i == 0 ? "key" : "value");
        half.set_number(i + 1);
        half.set_label(FieldDescriptorProto::LABEL_OPTIONAL);
        setType(half, types[i]);
      }
      field.set_label(FieldDescriptorProto::LABEL_REPEATED);
      field.set_type(FieldDescriptorProto::TYPE_MESSAGE);
      field.set_type_name(".test." + message_->name() + "." + entry.name());
      return;
    }
    for (int i = 1; i <= FieldDescriptor::MAX_TYPE; ++i) {
      if (FieldDescriptor::TypeName(static_cast<FieldDescriptor::Type>(i)) == type) {
        field.set_type(static_cast<FieldDescriptorProto::Type>(i));
        return;
      }
    }
    field.set_type_name(absl::StrContains(type, ".") ? "." + type : ".test." + type);
  }

  /// `by_number` -> `ByNumberEntry`, as protobuf demands.
  static std::string entryName(const std::string& field) {
    std::string name;
    for (std::string_view word : absl::StrSplit(field, '_')) {
      name += absl::ascii_toupper(word[0]);
      name += word.substr(1);
    }
    return name + "Entry";
  }

  int oneof(std::string name) {
    bool isRequired = absl::EndsWith(name, "!");
    if (isRequired)
      name.pop_back();
    for (int i = 0; i < message_->oneof_decl_size(); ++i) {
      if (message_->oneof_decl(i).name() == name)
        return i;
    }
    auto* added = message_->add_oneof_decl();
    added->set_name(name);
    if (isRequired)
      added->mutable_options()->SetExtension(validate::required, true);
    return message_->oneof_decl_size() - 1;
  }

  /// Real oneofs come before those of `optional` fields, as protobuf demands.
  static void orderOneofs(DescriptorProto& message) {
    std::vector<int> order, place(message.oneof_decl_size());
    for (int pass = 0; pass < 2; ++pass) {
      for (int i = 0; i < message.oneof_decl_size(); ++i) {
        if ((message.oneof_decl(i).name()[0] == '_') == (pass == 1))
          order.push_back(i);
      }
    }
    auto old = message.oneof_decl();
    for (size_t i = 0; i < order.size(); ++i) {
      *message.mutable_oneof_decl(static_cast<int>(i)) = old.Get(order[i]);
      place[order[i]] = static_cast<int>(i);
    }
    for (auto& field : *message.mutable_field()) {
      if (field.has_oneof_index())
        field.set_oneof_index(place[field.oneof_index()]);
    }
  }

  static void parse(const std::string& text, google::protobuf::Message& options) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &options)) << text;
  }

  google::protobuf::FileDescriptorProto file_;
  DescriptorProto* message_ = nullptr;
};

} // namespace

AllTypes::AllTypes() : AllTypes(kAll) {}

AllTypes::AllTypes(std::string_view description)
    : pool_(google::protobuf::DescriptorPool::generated_pool()) {
  EXPECT_NE(pool_.BuildFile(Reader().read(description)), nullptr);
  factory_.SetDelegateToGeneratedFactory(true);
}

std::unique_ptr<google::protobuf::Message> AllTypes::make(const std::string& name) {
  const auto* type = pool_.FindMessageTypeByName("test." + name);
  if (type == nullptr)
    return nullptr;
  return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(type)->New());
}

} // namespace moe::config
