#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace google::protobuf {
class Struct;
}

namespace moe::config {

/// A place in a text, counted from 1; 0 where there is no text.
struct Mark {
  int line = 0;
  int column = 0;
};

/// One value of a YAML or JSON document. Values that aliases share are one Node with many parents.
struct Node {
  enum class Kind { kNull, kScalar, kList, kObject };
  /// How a scalar without quotes reads.
  enum class Plain { kString, kBool, kInteger, kFloat };

  struct Entry {
    std::string key;
    Mark mark;
    const Node* value;
  };

  Kind kind = Kind::kNull;
  bool isQuoted = false; ///< A scalar that can only be a string.
  Mark mark;
  std::string text; ///< Of a scalar.
  std::vector<const Node*> items;
  std::vector<Entry> entries; ///< In the order of the text, with duplicates.

  /// Meaning of a scalar by YAML 1.2's core schema (octal also as 0755).
  Plain plain() const;
  bool isString() const { return kind == Kind::kScalar && plain() == Plain::kString; }
  /// `"x"`, `5`, `a list`, `an object` or `null`, for errors.
  std::string describe() const;
  const Node* find(std::string_view key) const;
};

/// A whole number with sign, 64 bits of magnitude.
struct Integer {
  bool isNegative = false;
  uint64_t magnitude = 0;
};

/// The integer that `text` is, also where it is written as 1e3 or 5.0. `isPlain` allows YAML's
/// hexadecimal and octal forms. Nothing where it is not a whole number or beyond 64 bits.
std::optional<Integer> parseInteger(std::string_view text, bool isPlain);

/// The number that `text` is; plain text may be .inf and .nan, quoted "Infinity" and "NaN".
std::optional<double> parseFloat(std::string_view text, bool isPlain);

/// A document: the owner of its nodes.
class Document {
public:
  Node* add(Node::Kind kind, Mark mark);
  /// Null for an empty document.
  const Node* root = nullptr;
  size_t size() const { return nodes_.size(); }

private:
  std::deque<Node> nodes_;
};

/// What is wrong with a text, and where.
struct ParseError {
  Mark mark;
  std::string text;
};

/// Parse one document. Nesting beyond `maxDepth` is an error.
std::optional<ParseError> parseYaml(std::string_view text, int maxDepth, Document& document);
/// RFC 8259, and nothing beyond it but a byte order mark.
std::optional<ParseError> parseJson(std::string_view text, int maxDepth, Document& document);
/// A tree without places.
std::optional<ParseError> fromStruct(const google::protobuf::Struct& from, int maxDepth,
                                     Document& document);

} // namespace moe::config
