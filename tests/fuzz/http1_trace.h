#pragma once

#include <string>

#include "base/slab.h"
#include "http/codec/http1_parser.h"
#include "http/header_map.h"

namespace moe::fuzz {

// Runs bytes through an HTTP/1 parser and writes down what it told. How the bytes were cut into
// pieces must make no difference to that.
class Http1Trace final : public http::Http1ParserHandler {
public:
  explicit Http1Trace(http::Http1Parser::Role role) : role_(role) {}

  // `piece`: bytes given at a time; 0 for all at once.
  std::string run(std::string_view bytes, size_t piece) {
    http::Http1Parser parser(role_, *this, slab_, {.headersBytes = 4096, .headersCount = 32});
    parser_ = &parser;
    trace_.clear();
    parser.setResponseContext(false, false);
    base::Buffer buffer;
    bool good = true;
    while (good && !(bytes.empty() && buffer.empty())) {
      const size_t n = piece == 0 ? bytes.size() : std::min(piece, bytes.size());
      buffer.append(slab_, bytes.substr(0, n));
      bytes.remove_prefix(n);
      const size_t before = buffer.size();
      good = parser.execute(buffer);
      if (good && parser.complete()) {
        trace_ += "complete\n";
        parser.reset();
        continue;
      }
      if (bytes.empty() && buffer.size() == before) {
        break; // it waits for more than there is
      }
    }
    if (good) {
      good = parser.finish();
    }
    endBody();
    if (!good) {
      trace_ += "error " + std::to_string(parser.error().status) + " " +
                std::string(parser.error().details) + "\n";
    }
    return trace_;
  }

  http::HeaderMapPtr newHeaders() override { return pool_.make(); }
  bool onHead(http::HeaderMapPtr headers, bool end) override {
    trace_ += "head\n";
    note(*headers);
    trace_ += end ? "end\n" : "";
    return true;
  }
  void onBody(base::Buffer& data, bool end) override {
    body_ += data.toString();
    data.clear();
    if (end) {
      endBody();
      trace_ += "end\n";
    }
  }
  void onTrailers(http::HeaderMapPtr trailers) override {
    endBody();
    trace_ += "trailers\n";
    note(*trailers);
  }

private:
  void note(const http::HeaderMap& map) {
    for (const auto& entry : map.entries()) {
      const std::string_view name = entry.name();
      const std::string_view value = entry.value();
      // What leaves the parser must be safe to write into another message.
      if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos ||
          name.empty() || name.find_first_of(std::string_view(" \r\n\0", 4)) != name.npos) {
        __builtin_trap();
      }
      trace_.append(name).append(": ").append(value).append("\n");
    }
  }
  void endBody() {
    if (!body_.empty()) {
      trace_ += "body " + body_ + "\n";
      body_.clear();
    }
  }

  http::Http1Parser::Role role_;
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  http::HeaderMapPool pool_{slab_};
  http::Http1Parser* parser_ = nullptr;
  std::string trace_;
  std::string body_;
};

// The first byte says how the rest is cut.
inline void fuzzHttp1(http::Http1Parser::Role role, const uint8_t* data, size_t size) {
  if (size == 0) {
    return;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Http1Trace(role).run(bytes, 0);
  for (const size_t piece : {size_t{1}, size_t{data[0]} + 1}) {
    if (Http1Trace(role).run(bytes, piece) != whole) {
      __builtin_trap();
    }
  }
}

} // namespace moe::fuzz
