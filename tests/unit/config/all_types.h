#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

namespace moe::config {

/// Message types of the tests, in package `test`, described at run time. The description has one
/// line for each thing:
///   enum Colour NONE RED GREEN                     values from 0
///   message All
///   int32 name 1                                   a field: type, name, number
///   repeated X name 2 | deprecated: true           with FieldOptions in text format
///   map<int32,X> name 3
///   optional int32 name 4
///   oneof:side int32 name 5                        `oneof:side!` for a required one
/// Types with a dot are full names (`google.protobuf.Any`), others those of this description.
class AllTypes {
public:
  AllTypes();
  explicit AllTypes(std::string_view description);

  /// A new message of type `test.<name>`, or null.
  std::unique_ptr<google::protobuf::Message> make(const std::string& name);

private:
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
};

} // namespace moe::config
