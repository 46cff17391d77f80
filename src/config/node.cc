#include "config/node.h"

#include <cmath>
#include <limits>

#include <google/protobuf/struct.pb.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "config/field_path.h"

namespace moe::config {
namespace {

/// `[-+]?(digits)`, or with a prefix for hexadecimal and octal; the syntax only.
bool looksInteger(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
    bool hex = text[1] == 'x';
    for (char c : text.substr(2)) {
      if (hex ? !absl::ascii_isxdigit(c) : (c < '0' || c > '7'))
        return false;
    }
    return true;
  }
  if (text.empty())
    return false;
  for (char c : text) {
    if (!absl::ascii_isdigit(c))
      return false;
  }
  return true;
}

bool looksFloat(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF")
    return true;
  bool digits = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (absl::ascii_isdigit(c)) {
      digits = true;
    } else if (c == 'e' || c == 'E') {
      if (!digits)
        return false;
      std::string_view rest = text.substr(i + 1);
      return looksInteger(rest) && rest.find_first_of("xo") == rest.npos;
    } else if (c != '.' || text.substr(0, i).find('.') != text.npos) {
      return false;
    }
  }
  return digits;
}

bool isNan(std::string_view text) { return text == ".nan" || text == ".NaN" || text == ".NAN"; }

const Node* structNode(const google::protobuf::Struct& from, int depth, Document& document);

const Node* valueNode(const google::protobuf::Value& from, int depth, Document& document) {
  using google::protobuf::Value;
  if (depth < 0)
    return nullptr;
  auto scalar = [&](std::string text, bool isQuoted) {
    Node* node = document.add(Node::Kind::kScalar, {});
    node->text = std::move(text);
    node->isQuoted = isQuoted;
    return node;
  };
  switch (from.kind_case()) {
  case Value::kBoolValue:
    return scalar(from.bool_value() ? "true" : "false", false);
  case Value::kStringValue:
    return scalar(from.string_value(), true);
  case Value::kNumberValue: {
    double number = from.number_value();
    if (std::isnan(number))
      return scalar(".nan", false);
    if (std::isinf(number))
      return scalar(number > 0 ? ".inf" : "-.inf", false);
    return scalar(absl::StrFormat("%.17g", number), false);
  }
  case Value::kStructValue:
    return structNode(from.struct_value(), depth, document);
  case Value::kListValue: {
    Node* node = document.add(Node::Kind::kList, {});
    for (const auto& item : from.list_value().values()) {
      const Node* child = valueNode(item, depth - 1, document);
      if (child == nullptr)
        return nullptr;
      node->items.push_back(child);
    }
    return node;
  }
  default:
    return document.add(Node::Kind::kNull, {});
  }
}

const Node* structNode(const google::protobuf::Struct& from, int depth, Document& document) {
  if (depth < 0)
    return nullptr;
  Node* node = document.add(Node::Kind::kObject, {});
  for (const auto& [key, value] : from.fields()) {
    const Node* child = valueNode(value, depth - 1, document);
    if (child == nullptr)
      return nullptr;
    node->entries.push_back({key, {}, child});
  }
  return node;
}

} // namespace

Node::Plain Node::plain() const {
  if (isQuoted)
    return Plain::kString;
  if (text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" ||
      text == "FALSE") {
    return Plain::kBool;
  }
  if (looksInteger(text))
    return Plain::kInteger;
  return looksFloat(text) || isNan(text) ? Plain::kFloat : Plain::kString;
}

std::string Node::describe() const {
  switch (kind) {
  case Kind::kNull:
    return "null";
  case Kind::kList:
    return "a list";
  case Kind::kObject:
    return "an object";
  case Kind::kScalar:
    break;
  }
  return plain() == Plain::kString ? inQuotes(text) : text.substr(0, 80);
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key)
      return entry.value;
  }
  return nullptr;
}

Node* Document::add(Node::Kind kind, Mark mark) {
  Node& node = nodes_.emplace_back();
  node.kind = kind;
  node.mark = mark;
  return &node;
}

std::optional<Integer> parseInteger(std::string_view text, bool isPlain) {
  std::string_view digits = text;
  Integer result;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) {
    result.isNegative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  if (looksInteger(text)) {
    unsigned base = 10;
    if (digits.size() > 1 && digits[0] == '0') {
      bool prefixed = digits[1] == 'x' || digits[1] == 'o';
      if (prefixed && !isPlain)
        return std::nullopt;
      bool octal = digits.find_first_of("89") == digits.npos;
      if (isPlain)
        base = digits[1] == 'x' ? 16 : octal ? 8 : 10;
      digits.remove_prefix(prefixed ? 2 : 1);
    }
    for (char c : digits) {
      unsigned digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
      if (result.magnitude > (std::numeric_limits<uint64_t>::max() - digit) / base) {
        return std::nullopt;
      }
      result.magnitude = result.magnitude * base + digit;
    }
    return result;
  }
  auto number = parseFloat(text, false);
  if (!number || std::floor(*number) != *number || std::fabs(*number) >= 0x1p64) {
    return std::nullopt;
  }
  result.magnitude = static_cast<uint64_t>(std::fabs(*number));
  return result;
}

std::optional<double> parseFloat(std::string_view text, bool isPlain) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (isPlain ? isNan(text) : text == "NaN")
    return std::numeric_limits<double>::quiet_NaN();
  if (!isPlain && text == "Infinity")
    return kInfinity;
  if (!isPlain && text == "-Infinity")
    return -kInfinity;
  if (isPlain && looksInteger(text)) {
    if (auto integer = parseInteger(text, true)) {
      double number = static_cast<double>(integer->magnitude);
      return integer->isNegative ? -number : number;
    }
  }
  if (!looksFloat(text) && !looksInteger(text))
    return std::nullopt;
  bool negative = text[0] == '-';
  if (absl::EndsWithIgnoreCase(text, "inf")) {
    if (!isPlain)
      return std::nullopt;
    return negative ? -kInfinity : kInfinity;
  }
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || std::isinf(number))
    return std::nullopt;
  return number;
}

std::optional<ParseError> fromStruct(const google::protobuf::Struct& from, int maxDepth,
                                     Document& document) {
  document.root = structNode(from, maxDepth, document);
  if (document.root == nullptr)
    return ParseError{{}, "nested too deeply"};
  return std::nullopt;
}

} // namespace moe::config
