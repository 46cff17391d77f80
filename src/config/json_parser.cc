// RFC 8259. yaml-cpp cannot stand in for it: it refuses surrogate pairs in \u escapes and keys
// beyond 1024 bytes.
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/field_path.h"
#include "config/node.h"

namespace moe::config {
namespace {

class JsonParser {
public:
  JsonParser(std::string_view text, int maxDepth, Document& document)
      : text_(text), maxDepth_(maxDepth), document_(document) {}

  std::optional<ParseError> run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF")
      at_ = lineStart_ = 3;
    skipSpace();
    if (at_ == text_.size())
      return std::nullopt;
    document_.root = value(0);
    if (error_)
      return error_;
    skipSpace();
    if (at_ < text_.size())
      fail(absl::StrCat("found ", next(), " after the end of the document"));
    return error_;
  }

private:
  Mark mark() const {
    int column = 1; // In characters, as yaml-cpp counts.
    for (char c : text_.substr(lineStart_, at_ - lineStart_)) {
      if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
        ++column;
    }
    return {line_, column};
  }

  /// Marks while parsing: counting every line from its start would be quadratic on one long line.
  Mark markHere() {
    if (markLine_ != line_) {
      markLine_ = line_;
      markAt_ = lineStart_;
      markColumn_ = 1;
    }
    for (; markAt_ < at_; ++markAt_) {
      if ((static_cast<unsigned char>(text_[markAt_]) & 0xC0) != 0x80)
        ++markColumn_;
    }
    return {line_, markColumn_};
  }

  std::string next() const {
    if (at_ >= text_.size())
      return "the end of the text";
    unsigned char c = text_[at_];
    size_t length = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return inQuotes(text_.substr(at_, length));
  }

  const Node* fail(std::string text) {
    if (!error_)
      error_ = ParseError{mark(), std::move(text)};
    return nullptr;
  }
  const Node* expected(std::string_view what) {
    return fail(absl::StrCat("found ", next(), ", expected ", what));
  }

  void skipSpace() {
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '\n') {
        ++line_;
        lineStart_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool take(char c) {
    skipSpace();
    if (at_ >= text_.size() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }

  const Node* value(int depth) {
    if (depth > maxDepth_)
      return fail(absl::StrCat("nested deeper than ", maxDepth_, " levels"));
    skipSpace();
    char c = at_ < text_.size() ? text_[at_] : '\0';
    Mark mark = markHere();
    if (c == '{')
      return object(mark, depth);
    if (c == '[')
      return list(mark, depth);
    if (c == '"') {
      Node* node = document_.add(Node::Kind::kScalar, mark);
      node->isQuoted = true;
      return string(node->text) ? node : nullptr;
    }
    size_t start = at_;
    while (at_ < text_.size() && (absl::ascii_isalnum(text_[at_]) || text_[at_] == '-' ||
                                  text_[at_] == '+' || text_[at_] == '.')) {
      ++at_;
    }
    std::string_view word = text_.substr(start, at_ - start);
    if (word == "null")
      return document_.add(Node::Kind::kNull, mark);
    if (word != "true" && word != "false" && !isNumber(word)) {
      at_ = start;
      return word.empty() ? expected("a value")
                          : fail(absl::StrCat("found ", inQuotes(word), ", expected a JSON value"));
    }
    Node* node = document_.add(Node::Kind::kScalar, mark);
    node->text = std::string(word);
    return node;
  }

  static bool isNumber(std::string_view word) {
    auto digits = [&word] {
      size_t n = 0;
      while (n < word.size() && absl::ascii_isdigit(word[n]))
        ++n;
      word.remove_prefix(n);
      return n;
    };
    if (!word.empty() && word[0] == '-')
      word.remove_prefix(1);
    bool zero = !word.empty() && word[0] == '0';
    size_t whole = digits();
    if (whole == 0 || (zero && whole > 1))
      return false;
    if (!word.empty() && word[0] == '.') {
      word.remove_prefix(1);
      if (digits() == 0)
        return false;
    }
    if (!word.empty() && (word[0] == 'e' || word[0] == 'E')) {
      word.remove_prefix(1);
      if (!word.empty() && (word[0] == '-' || word[0] == '+'))
        word.remove_prefix(1);
      if (digits() == 0)
        return false;
    }
    return word.empty();
  }

  const Node* object(Mark mark, int depth) {
    Node* node = document_.add(Node::Kind::kObject, mark);
    ++at_;
    if (take('}'))
      return node;
    while (true) {
      skipSpace();
      if (at_ >= text_.size() || text_[at_] != '"')
        return expected("a key in double quotes");
      Node::Entry entry;
      entry.mark = markHere();
      if (!string(entry.key))
        return nullptr;
      if (!take(':'))
        return expected("\":\"");
      entry.value = value(depth + 1);
      if (entry.value == nullptr)
        return nullptr;
      node->entries.push_back(std::move(entry));
      if (take('}'))
        return node;
      if (!take(','))
        return expected("\",\" or \"}\"");
    }
  }

  const Node* list(Mark mark, int depth) {
    Node* node = document_.add(Node::Kind::kList, mark);
    ++at_;
    if (take(']'))
      return node;
    while (true) {
      const Node* item = value(depth + 1);
      if (item == nullptr)
        return nullptr;
      node->items.push_back(item);
      if (take(']'))
        return node;
      if (!take(','))
        return expected("\",\" or \"]\"");
    }
  }

  bool string(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      unsigned char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20)
        return expected("no control character in a string") != nullptr;
      if (c != '\\') {
        out.push_back(static_cast<char>(c));
      } else if (!escape(out)) {
        return false;
      }
    }
    return expected("\" at the end of a string") != nullptr;
  }

  /// At a backslash; leaves `at_` on the escape's last character.
  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeans = "\"\\/\b\f\n\r\t";
    ++at_;
    char c = at_ < text_.size() ? text_[at_] : '\0';
    if (size_t i = kNames.find(c); c != '\0' && i != kNames.npos) {
      out.push_back(kMeans[i]);
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || !hex4(code))
      return expected("a JSON escape") != nullptr;
    if (code >= 0xD800 && code < 0xE000) {
      uint32_t low = 0;
      const bool pair = code < 0xDC00 && text_.substr(at_ + 1, 2) == "\\u";
      at_ += pair ? 2 : 0;
      if (!pair || !hex4(low) || low < 0xDC00 || low >= 0xE000) {
        return fail("found half of a surrogate pair, expected \\uD800 to \\uDBFF followed by "
                    "\\uDC00 to \\uDFFF") != nullptr;
      }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    appendUtf8(code, out);
    return true;
  }

  /// At the `u`; leaves `at_` on the last digit.
  bool hex4(uint32_t& code) {
    for (int i = 0; i < 4; ++i) {
      ++at_;
      if (at_ >= text_.size() || !absl::ascii_isxdigit(text_[at_]))
        return false;
      char c = absl::ascii_tolower(text_[at_]);
      code = code * 16 + (absl::ascii_isdigit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
  }

  static void appendUtf8(uint32_t code, std::string& out) {
    if (code < 0x80) {
      out.push_back(static_cast<char>(code));
      return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
    out.push_back(static_cast<char>(kLead[more] | (code >> (6 * more))));
    while (more-- > 0)
      out.push_back(static_cast<char>(0x80 | ((code >> (6 * more)) & 0x3F)));
  }

  std::string_view text_;
  int maxDepth_;
  Document& document_;
  size_t at_ = 0;
  size_t lineStart_ = 0;
  int line_ = 1;
  int markLine_ = 0;
  size_t markAt_ = 0;
  int markColumn_ = 1;
  std::optional<ParseError> error_;
};

} // namespace

std::optional<ParseError> parseJson(std::string_view text, int maxDepth, Document& document) {
  return JsonParser(text, maxDepth, document).run();
}

} // namespace moe::config
