#include <istream>
#include <streambuf>
#include <string>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/node.h"

namespace moe::config {
namespace {

constexpr size_t kSpareMergedEntries = 1'000'000;

Mark markOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

/// Reads from memory that is not ours, without a copy.
struct ViewBuffer : std::streambuf {
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data()); // streambuf's get area is never written to here.
    setg(begin, begin, begin + text.size());
  }
};

/// Builds a Document from yaml-cpp's events. Errors leave by yaml-cpp's own exception, since its
/// parser cannot be stopped in another way; parseYaml catches it.
class Builder : public YAML::EventHandler {
public:
  Builder(size_t textSize, int maxDepth, Document& document)
      : maxDepth_(maxDepth), budget_(textSize + kSpareMergedEntries), document_(document) {}

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark.pos; }
  void OnDocumentEnd() override {}
  /// Offset of the document's first token.
  int start() const { return start_; }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place(anchored(document_.add(Node::Kind::kNull, markOf(mark)), anchor), mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (anchor >= anchors_.size() || anchors_[anchor] == nullptr) {
      throw YAML::ParserException(mark, "alias without an anchor");
    }
    place(anchors_[anchor], mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node* node = document_.add(Node::Kind::kScalar, markOf(mark));
    node->text = value;
    node->isQuoted = tag == "!" || absl::EndsWith(tag, ":str");
    place(anchored(node, anchor), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kObject, mark, anchor);
  }
  void OnMapEnd() override {
    for (const Merge& merge : open_.back().merges)
      mergeInto(*open_.back().node, merge);
    open_.pop_back();
  }

private:
  struct Merge {
    const Node* from;
    YAML::Mark mark;
  };
  struct Open {
    Node* node;
    bool hasKey = false;
    bool isMergeKey = false;
    Node::Entry entry{};
    std::vector<Merge> merges{};
  };

  Node* anchored(Node* node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      if (anchors_.size() <= anchor)
        anchors_.resize(anchor + 1);
      anchors_[anchor] = node;
    }
    return node;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (static_cast<int>(open_.size()) > maxDepth_) {
      throw YAML::ParserException(mark, absl::StrCat("nested deeper than ", maxDepth_, " levels"));
    }
    Node* node = document_.add(kind, markOf(mark));
    place(node, mark);
    anchored(node, anchor);
    open_.push_back({node});
  }

  void place(const Node* node, const YAML::Mark& mark) {
    if (open_.empty()) {
      document_.root = node;
      return;
    }
    Open& open = open_.back();
    if (open.node->kind == Node::Kind::kList) {
      open.node->items.push_back(node);
    } else if (!open.hasKey) {
      if (node->kind != Node::Kind::kScalar && node->kind != Node::Kind::kNull) {
        throw YAML::ParserException(
            mark, absl::StrCat("found ", node->describe(), " as a key, expected a name"));
      }
      open.hasKey = true;
      open.isMergeKey = !node->isQuoted && node->text == "<<";
      open.entry.key = node->kind == Node::Kind::kNull ? "null" : node->text;
      open.entry.mark = markOf(mark);
    } else {
      open.hasKey = false;
      if (open.isMergeKey) {
        open.merges.push_back({node, mark});
      } else {
        open.entry.value = node;
        open.node->entries.push_back(std::move(open.entry));
      }
    }
  }

  /// `<<`: the object's own keys win, then the earlier of the merged objects.
  void mergeInto(Node& into, const Merge& merge) {
    if (merge.from->kind == Node::Kind::kList) {
      for (const Node* item : merge.from->items)
        mergeObject(into, *item, merge.mark);
    } else {
      mergeObject(into, *merge.from, merge.mark);
    }
  }

  void mergeObject(Node& into, const Node& from, const YAML::Mark& mark) {
    if (from.kind != Node::Kind::kObject || &from == &into) {
      throw YAML::ParserException(mark, absl::StrCat("found ", from.describe(),
                                                     " under <<, expected an object or a list of "
                                                     "objects"));
    }
    size_t work = into.entries.size() + from.entries.size();
    if (work > budget_)
      throw YAML::ParserException(mark, "merge keys expand to too many values");
    budget_ -= work;
    absl::flat_hash_set<std::string> own;
    for (const Node::Entry& entry : into.entries)
      own.insert(entry.key);
    for (const Node::Entry& entry : from.entries) {
      if (!own.contains(entry.key))
        into.entries.push_back(entry);
    }
  }

  int maxDepth_;
  int start_ = 0;
  size_t budget_;
  Document& document_;
  std::vector<Open> open_;
  std::vector<const Node*> anchors_;
};

/// For what follows the document: only empty documents may.
struct NothingMore : YAML::EventHandler {
  explicit NothingMore(int start) : last(start) {}

  [[noreturn]] static void refuse(const YAML::Mark& mark) {
    throw YAML::ParserException(mark, "found a second document, expected one");
  }
  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp reads a stray comma as an empty document, again and again, without moving on.
    if (mark.pos == last)
      throw YAML::ParserException(mark, "found text after the document's end");
    last = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    refuse(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    refuse(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    refuse(mark);
  }
  void OnMapEnd() override {}

  int last;
};

} // namespace

std::optional<ParseError> parseYaml(std::string_view text, int maxDepth, Document& document) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    Builder builder(text.size(), maxDepth, document);
    if (!parser.HandleNextDocument(builder))
      return std::nullopt;
    NothingMore rest(builder.start());
    while (parser.HandleNextDocument(rest)) {
    }
  } catch (const YAML::Exception& e) {
    return ParseError{e.mark.is_null() ? Mark{1, 1} : markOf(e.mark), e.msg};
  } catch (const std::exception& e) {
    return ParseError{Mark{1, 1}, e.what()};
  }
  return std::nullopt;
}

} // namespace moe::config
