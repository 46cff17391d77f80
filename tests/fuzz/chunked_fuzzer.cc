// Any bytes as a chunked body, against a second reader written from RFC 9112 section 7.1 alone:
// both take the same bodies, find the same content and end at the same byte.
#include <string>

#include "base/slab.h"
#include "http/codec/http1_parser.h"

namespace moe::fuzz {
namespace {

void check(bool good) {
  if (!good) {
    __builtin_trap();
  }
}

enum class Verdict { Good, Bad, Short };

struct Body {
  Verdict verdict = Verdict::Short;
  std::string content;
  size_t used = 0;
};

// The plain reading: all of the text is there. Trailers are only looked at for where they end.
Body plainly(std::string_view text) {
  Body body;
  auto line = [&](std::string_view& out) {
    const size_t end = text.find('\n', body.used);
    if (end == std::string_view::npos) {
      return Verdict::Short;
    }
    out = text.substr(body.used, end + 1 - body.used);
    body.used = end + 1;
    if (!out.ends_with("\r\n")) {
      return Verdict::Bad;
    }
    out.remove_suffix(2);
    return Verdict::Good;
  };
  while (true) {
    std::string_view head;
    if ((body.verdict = line(head)) != Verdict::Good) {
      return body;
    }
    const size_t digits = std::min(head.find_first_not_of("0123456789abcdefABCDEF"), head.size());
    std::string_view rest = head.substr(digits);
    const bool extended = !rest.empty();
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (digits == 0 || digits > 15 || (extended && !rest.starts_with(';'))) {
      body.verdict = Verdict::Bad;
      return body;
    }
    for (const char c : rest) {
      if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') {
        body.verdict = Verdict::Bad;
        return body;
      }
    }
    const uint64_t size = std::stoull(std::string(head.substr(0, digits)), nullptr, 16);
    if (size == 0) {
      break;
    }
    const std::string_view left = text.substr(body.used);
    body.content += left.substr(0, size);
    if (size > left.size()) {
      body.verdict = Verdict::Short;
      return body;
    }
    body.used += size;
    const std::string_view end = text.substr(body.used, 2);
    if (end != "\r\n") {
      // Either it is not all there, or it is wrong.
      body.verdict = end.empty() || end == "\r" ? Verdict::Short : Verdict::Bad;
      return body;
    }
    body.used += 2;
  }
  while (true) {
    std::string_view trailer;
    if ((body.verdict = line(trailer)) != Verdict::Good || trailer.empty()) {
      return body;
    }
  }
}

class Reader final : public http::Http1ParserHandler {
public:
  explicit Reader(http::HeaderMapPool& pool) : pool_(pool) {}
  http::HeaderMapPtr newHeaders() override { return pool_.make(); }
  bool onHead(http::HeaderMapPtr, bool) override { return true; }
  void onBody(base::Buffer& data, bool) override {
    content += data.toString();
    data.clear();
  }
  void onTrailers(http::HeaderMapPtr) override {}
  std::string content;

private:
  http::HeaderMapPool& pool_;
};

void compare(std::string_view text, size_t piece) {
  base::BlockPool blocks;
  base::Slab slab(blocks);
  http::HeaderMapPool pool(slab);
  Reader reader(pool);
  http::Http1Parser parser(http::Http1Parser::Role::Request, reader, slab, {});
  base::Buffer data;
  data.append(slab, "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
  check(parser.execute(data) && data.empty());
  bool good = true;
  size_t given = 0;
  while (good && !parser.complete() && given < text.size()) {
    const std::string_view part = text.substr(given, piece);
    given += part.size();
    data.append(slab, part);
    good = parser.execute(data);
  }
  const Body body = plainly(text);
  if (parser.complete()) {
    check(good && body.verdict == Verdict::Good && given - data.size() == body.used);
    check(reader.content == body.content);
  } else if (!good) {
    // It also has limits, and reads trailers.
    const std::string_view details = parser.error().details;
    check(body.verdict != Verdict::Good || details.ends_with("_too_long") ||
          details.ends_with("_too_large") || details == "http1.too_many_headers" ||
          details == "http1.obs_fold" || details.starts_with("http1.invalid_header_"));
  } else {
    check(body.verdict != Verdict::Good); // a wrong byte may be seen with the next one
  }
  if (body.verdict == Verdict::Bad) {
    check(!parser.complete());
  }
}

} // namespace
} // namespace moe::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) {
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    moe::fuzz::compare(text, text.size() + 1);
    moe::fuzz::compare(text, size_t{data[0]} + 1);
  }
  return 0;
}
