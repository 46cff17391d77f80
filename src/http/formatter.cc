#include "http/formatter.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <functional>

#include "base/strings.h"
#include "config/utf8.h"
#include "http/format_commands.h"

namespace moe::http {
namespace {

class TextFormatter final : public Formatter {
public:
  TextFormatter(std::vector<FormatPiece> pieces, bool omitEmpty)
      : pieces_(std::move(pieces)), empty_(omitEmpty ? "" : "-") {}

  void format(const FormatContext& context, std::string& out) const override {
    for (const FormatPiece& piece : pieces_) {
      if (piece.command == nullptr) {
        out.append(piece.literal);
        continue;
      }
      const size_t before = out.size();
      piece.command(context, out);
      if (out.size() == before) {
        out.append(piece.mayBeEmpty ? "" : empty_);
      } else if (piece.maxLength != 0 && out.size() - before > piece.maxLength) {
        out.resize(before + piece.maxLength);
      }
    }
  }

private:
  const std::vector<FormatPiece> pieces_;
  const std::string_view empty_;
};

// The length of the UTF-8 character at the beginning; 0 if there is none.
size_t utf8At(std::string_view text) {
  for (size_t n = 1; n <= 4 && n <= text.size(); ++n) {
    if (config::isUtf8(text.substr(0, n))) {
      return n;
    }
  }
  return 0;
}

// JSON is UTF-8 (RFC 8259 section 8.1), header values are bytes: what is no UTF-8 becomes U+FFFD.
void appendJsonString(std::string_view text, std::string& out) {
  constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        out.append("\\u00").push_back(digits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(digits[c & 15]);
      } else if (static_cast<unsigned char>(c) < 0x80) {
        out.push_back(c);
      } else if (const size_t size = utf8At(text.substr(i)); size > 0) {
        out.append(text, i, size);
        i += size - 1;
      } else {
        out.append("\\ufffd");
      }
    }
  }
  out.push_back('"');
}

// {"key": "format", ...}: one object a line. A value that is a single command keeps its type
// (numbers stay numbers); an absent one is null.
class JsonFormatter final : public Formatter {
public:
  struct Field {
    std::string head; // `{"key":` or `,"key":`
    std::vector<FormatPiece> pieces;
  };
  explicit JsonFormatter(std::vector<Field> fields) : fields_(std::move(fields)) {}

  void format(const FormatContext& context, std::string& out) const override {
    std::string value;
    for (const Field& field : fields_) {
      out.append(field.head);
      value.clear();
      for (const FormatPiece& piece : field.pieces) {
        const size_t before = value.size();
        if (piece.command == nullptr) {
          value.append(piece.literal);
          continue;
        }
        piece.command(context, value);
        if (piece.maxLength != 0 && value.size() - before > piece.maxLength) {
          value.resize(before + piece.maxLength);
        }
      }
      const bool single = field.pieces.size() == 1 && field.pieces.front().command != nullptr;
      if (single && value.empty() && !field.pieces.front().mayBeEmpty) {
        out.append("null");
      } else if (single && field.pieces.front().numeric) {
        out.append(value);
      } else {
        appendJsonString(value, out);
      }
    }
    out.append("}\n");
  }

private:
  const std::vector<Field> fields_;
};

} // namespace

absl::StatusOr<FormatterPtr> compileFormat(std::string_view text, bool omitEmpty) {
  auto pieces = parseFormat(text);
  if (!pieces.ok()) {
    return pieces.status();
  }
  return std::make_shared<const TextFormatter>(std::move(*pieces), omitEmpty);
}

absl::StatusOr<FormatterPtr>
compileFormat(const envoy::config::core::v3::SubstitutionFormatString& format) {
  using Format = envoy::config::core::v3::SubstitutionFormatString;
  switch (format.format_case()) {
  case Format::kTextFormat:
    return compileFormat(format.text_format(), format.omit_empty_values());
  case Format::kTextFormatSource:
    if (!format.text_format_source().has_inline_string()) {
      return absl::InvalidArgumentError(
          "text_format_source: found another source, expected inline_string");
    }
    return compileFormat(format.text_format_source().inline_string(), format.omit_empty_values());
  case Format::kJsonFormat: {
    std::vector<JsonFormatter::Field> fields;
    // Sorted, as Envoy prints them.
    const std::map<std::string, google::protobuf::Value> sorted(
        format.json_format().fields().begin(), format.json_format().fields().end());
    for (const auto& [key, value] : sorted) {
      JsonFormatter::Field field;
      field.head = fields.empty() ? "{" : ",";
      appendJsonString(key, field.head);
      field.head.push_back(':');
      if (value.kind_case() != google::protobuf::Value::kStringValue) {
        return absl::InvalidArgumentError(
            base::cat("json_format: field \"", key, "\": expected a format string"));
      }
      auto pieces = parseFormat(value.string_value());
      if (!pieces.ok()) {
        return pieces.status();
      }
      field.pieces = std::move(*pieces);
      fields.push_back(std::move(field));
    }
    if (fields.empty()) {
      return absl::InvalidArgumentError("json_format: found no field, expected at least one");
    }
    return std::make_shared<const JsonFormatter>(std::move(fields));
  }
  default:
    return absl::InvalidArgumentError(
        "found no format, expected text_format, text_format_source or json_format");
  }
}

} // namespace moe::http
