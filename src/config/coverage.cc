#include "config/coverage.h"

#include <algorithm>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/map_key.h"
#include "config/typed_config.h"

namespace moe::config {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

constexpr int kMaxDepth = 100;

} // namespace

/// One walk. Paths are built on the way down: a walk runs once for an update, not for a request.
class CoverageWalk {
public:
  CoverageWalk(const Coverage& coverage, const LocationMap* locations)
      : coverage_(coverage), locations_(locations) {}

  void message(const Message& message, const FieldPath& path, int depth = 0) {
    if (depth > kMaxDepth)
      return note(path, message.GetDescriptor()->full_name(), true);
    const Descriptor& type = *message.GetDescriptor();
    if (type.well_known_type() == Descriptor::WELLKNOWNTYPE_ANY) {
      return any(static_cast<const google::protobuf::Any&>(message), path, depth);
    }
    if (type.well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED)
      return; // A plain value.
    if (coverage_.trees_.contains(type.full_name()))
      return;
    const auto& reflection = *message.GetReflection();
    unknownFields(message, path);
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      FieldPath inside = path.field(field->name());
      if (coverage_.claims(*field)) {
        forEachMessage(message, *field, inside, [&](const Message& child, const FieldPath& at) {
          this->message(child, at, depth + 1);
        });
      } else {
        note(inside, field->full_name(),
             coverage_.isSecurity(field->full_name()) || holdsSecurity(message, *field, depth));
      }
    }
  }

  CoverageReport take() { return std::move(report_); }

private:
  template <class Visit>
  static void forEachMessage(const Message& message, const FieldDescriptor& field,
                             const FieldPath& path, Visit visit) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      return;
    const auto& reflection = *message.GetReflection();
    if (!field.is_repeated())
      return visit(reflection.GetMessage(message, &field), path);
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& item = reflection.GetRepeatedMessage(message, &field, i);
      if (!field.is_map()) {
        visit(item, path.index(i));
      } else if (const auto* value = field.message_type()->map_value();
                 value->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        visit(item.GetReflection()->GetMessage(item, value), path.key(mapKey(item)));
      }
    }
  }

  void any(const google::protobuf::Any& any, const FieldPath& path, int depth) {
    if (any.type_url().empty())
      return;
    auto unpacked = unpack(any, path);
    if (!unpacked.ok()) { // Unknown, or broken: then nobody can have acted on it.
      note(path, any.type_url(), coverage_.isSecurity(typeNameOf(any.type_url())));
      return;
    }
    message(*unpacked->message, unpacked->path, depth + 1);
  }

  void unknownFields(const Message& message, const FieldPath& path) {
    const auto& unknown = message.GetReflection()->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i) {
      std::string name =
          absl::StrCat(message.GetDescriptor()->full_name(), ".#", unknown.field(i).number());
      note(path, name, coverage_.isSecurity(name));
    }
  }

  /// True where a message of the security class is anywhere below an unclaimed field.
  bool holdsSecurity(const Message& message, const FieldDescriptor& field, int depth) {
    bool found = false;
    forEachMessage(message, field, FieldPath(), [&](const Message& child, const FieldPath&) {
      found = found || holdsSecurity(child, depth + 1);
    });
    return found;
  }

  bool holdsSecurity(const Message& message, int depth) {
    if (depth > kMaxDepth)
      return true;
    if (coverage_.isSecurity(message.GetDescriptor()->full_name()))
      return true;
    if (message.GetDescriptor()->well_known_type() == Descriptor::WELLKNOWNTYPE_ANY) {
      const auto& any = static_cast<const google::protobuf::Any&>(message);
      if (coverage_.isSecurity(typeNameOf(any.type_url())))
        return true;
      auto unpacked = unpack(any, FieldPath());
      if (!unpacked.ok())
        return false;
      return coverage_.isSecurity(unpacked->typeName) ||
             holdsSecurity(*unpacked->message, depth + 1);
    }
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    return std::any_of(fields.begin(), fields.end(), [&](const FieldDescriptor* field) {
      return holdsSecurity(message, *field, depth);
    });
  }

  void note(const FieldPath& path, std::string_view fullName, bool isSecurity) {
    auto& list = isSecurity ? report_.refused : report_.ignored;
    list.push_back({path, std::string(fullName),
                    locations_ == nullptr ? std::nullopt : locations_->find(path.str())});
  }

  const Coverage& coverage_;
  const LocationMap* locations_;
  CoverageReport report_;
};

std::string UncoveredField::str() const {
  return absl::StrCat(location ? location->str() + ": " : std::string(), path.str(), " (", fullName,
                      ")");
}

Coverage::Coverage(std::span<const std::string_view> securityPrefixes)
    : security_(securityPrefixes.begin(), securityPrefixes.end()) {}

Coverage::Coverage(std::initializer_list<Claims> claims,
                   std::span<const std::string_view> securityPrefixes)
    : Coverage(securityPrefixes) {
  for (Claims list : claims)
    add(list);
}

void Coverage::add(Claims claims) {
  for (std::string_view entry : claims) {
    if (absl::EndsWith(entry, ".**")) {
      trees_.emplace(entry.substr(0, entry.size() - 3));
    } else if (absl::EndsWith(entry, ".*")) {
      messages_.emplace(entry.substr(0, entry.size() - 2));
    } else {
      fields_.emplace(entry);
    }
  }
}

CoverageReport Coverage::walk(const Message& message, const FieldPath& root,
                              const LocationMap* locations) const {
  CoverageWalk walk(*this, locations);
  walk.message(message, root);
  return walk.take();
}

bool Coverage::claims(const FieldDescriptor& field) const {
  const std::string& message = field.containing_type()->full_name();
  return messages_.contains(message) || trees_.contains(message) ||
         fields_.contains(field.full_name());
}

std::vector<std::string> Coverage::unknownEntries() const {
  const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
  std::vector<std::string> unknown;
  for (const std::string& name : fields_) {
    if (pool.FindFieldByName(name) == nullptr)
      unknown.push_back(name);
  }
  for (const std::string& name : messages_) {
    if (pool.FindMessageTypeByName(name) == nullptr)
      unknown.push_back(name + ".*");
  }
  for (const std::string& name : trees_) {
    if (pool.FindMessageTypeByName(name) == nullptr)
      unknown.push_back(name + ".**");
  }
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

bool Coverage::isSecurity(std::string_view fullName) const {
  return std::any_of(security_.begin(), security_.end(),
                     [&](const std::string& prefix) { return absl::StartsWith(fullName, prefix); });
}

} // namespace moe::config
