#include "server/runtime_entries.h"

#include <google/protobuf/util/json_util.h>

#include <cmath>

#include "absl/strings/numbers.h"
#include "base/strings.h"
#include "config/load.h"
#include "envoy/type/v3/percent.pb.h"

namespace moe::server {
namespace {

using envoy::type::v3::FractionalPercent;
using google::protobuf::Struct;
using google::protobuf::Value;

config::Ratio ratioOf(const FractionalPercent& percent) {
  switch (percent.denominator()) {
  case FractionalPercent::TEN_THOUSAND:
    return {percent.numerator(), 10'000};
  case FractionalPercent::MILLION:
    return {percent.numerator(), 1'000'000};
  default:
    return {percent.numerator(), 100};
  }
}

std::string textOf(const Value& value) {
  switch (value.kind_case()) {
  case Value::kBoolValue:
    return value.bool_value() ? "true" : "false";
  case Value::kNumberValue: {
    const double number = value.number_value();
    const bool whole = number == std::floor(number) && std::abs(number) < 9e15;
    return whole ? base::cat(static_cast<int64_t>(number)) : base::cat(number);
  }
  default:
    return std::string(value.string_value());
  }
}

bool isRatio(const Struct& value) {
  return value.fields().contains("numerator") || value.fields().contains("denominator");
}

RuntimeEntry ratioEntry(const Struct& value, config::FieldPath path) {
  RuntimeEntry out{.path = std::move(path), .text = {}, .number = {}, .ratio = {}};
  (void)google::protobuf::util::MessageToJsonString(value, &out.text);
  FractionalPercent percent;
  if (config::loadStruct(value, percent).ok()) {
    out.ratio = ratioOf(percent);
  }
  return out;
}

void add(const Struct& values, const std::string& prefix, const config::FieldPath& path,
         RuntimeEntries& out) {
  for (const auto& [name, value] : values.fields()) {
    const std::string key = prefix + std::string(name);
    if (!value.has_struct_value()) {
      out.insert_or_assign(key, runtimeEntry(textOf(value), path.field(name)));
    } else if (isRatio(value.struct_value())) {
      out.insert_or_assign(key, ratioEntry(value.struct_value(), path.field(name)));
    } else {
      add(value.struct_value(), key + ".", path.field(name), out);
    }
  }
}

} // namespace

RuntimeEntry runtimeEntry(std::string text, config::FieldPath path) {
  RuntimeEntry out{.path = std::move(path), .text = std::move(text), .number = {}, .ratio = {}};
  uint64_t number = 0;
  FractionalPercent percent;
  if (absl::SimpleAtoi(out.text, &number)) {
    out.number = number;
    out.ratio = config::Ratio{static_cast<uint32_t>(std::min<uint64_t>(number, 100)), 100};
  } else if (out.text.find("nominator") != std::string::npos ||
             out.text.find("numerator") != std::string::npos) {
    if (config::loadText("runtime", out.text, percent).ok()) {
      out.ratio = ratioOf(percent);
    }
  }
  return out;
}

RuntimeEntries runtimeEntries(const Struct& layer, const config::FieldPath& path) {
  RuntimeEntries out;
  add(layer, "", path, out);
  return out;
}

} // namespace moe::server
