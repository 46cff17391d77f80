// What HTTP/2 takes as a request, HTTP/1 takes as well and reads in the same way: one validation
// for both. Input: lines method, path, authority, then header fields as NAME:VALUE.
#include <string>
#include <vector>

#include "base/strings.h"
#include "http/codec/http1_parser.h"
#include "http/codec/http2_headers.h"

namespace moe::fuzz {
namespace {

void check(bool good) {
  if (!good) {
    __builtin_trap();
  }
}

std::string_view takeUntil(std::string_view& text, char stop) {
  const size_t end = std::min(text.find(stop), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return front;
}

class Reader final : public http::Http1ParserHandler {
public:
  explicit Reader(http::HeaderMapPool& pool) : pool_(pool) {}
  http::HeaderMapPtr newHeaders() override { return pool_.make(); }
  bool onHead(http::HeaderMapPtr headers, bool) override {
    head = std::move(headers);
    return true;
  }
  void onBody(base::Buffer& data, bool) override { data.clear(); }
  void onTrailers(http::HeaderMapPtr) override {}
  http::HeaderMapPtr head;

private:
  http::HeaderMapPool& pool_;
};

class Differential {
public:
  void run(std::string_view text) {
    const std::string_view method = takeUntil(text, '\n');
    const std::string_view path = takeUntil(text, '\n');
    const std::string_view authority = takeUntil(text, '\n');
    http::HeaderMapPtr second = pool_.make();
    const bool connect = method == "CONNECT";
    bool taken =
        add(*second, ":method", method, true) && add(*second, ":authority", authority, true) &&
        (connect || (add(*second, ":path", path, true) && add(*second, ":scheme", "http", true)));
    std::string head = connect ? base::cat("CONNECT ", authority, " HTTP/1.1\r\n")
                               : base::cat(method, " ", path, " HTTP/1.1\r\n");
    head += base::cat("host: ", authority, "\r\n");
    while (taken && !text.empty()) {
      std::string_view line = takeUntil(text, '\n');
      const std::string_view name = takeUntil(line, ':');
      taken =
          name != "host" && add(*second, name, line, false); // a second Host has no equal in HTTP/1
      head += base::cat(name, ": ", line, "\r\n");
    }
    bool upgrade = false;
    if (!taken || !http::fromRequest(*second, false, upgrade).ok()) {
      return;
    }
    if (connect && second->has(http::HeaderId::ContentLength)) {
      return; // a length is refused where HTTP/1 would have to guess
    }
    same(*second, base::cat(head, "\r\n"));
  }

private:
  static bool add(http::HeaderMap& headers, std::string_view name, std::string_view value,
                  bool pseudo) {
    if (http::fieldProblem(name, value, headers, pseudo) != nullptr) {
      return false;
    }
    headers.add(name, value);
    return true;
  }

  void same(const http::HeaderMap& second, std::string_view head) {
    Reader reader(pool_);
    http::Http1Parser parser(http::Http1Parser::Role::Request, reader, slab_,
                             {.headersBytes = 1 << 20, .headersCount = 1 << 16});
    base::Buffer data;
    data.append(slab_, head);
    check(parser.execute(data) && data.empty() && reader.head != nullptr);
    const http::HeaderMap& first = *reader.head;
    check(first.method() == second.method() && first.path() == second.path() &&
          first.authority() == second.authority());
    for (const http::HeaderMap::Entry& entry : second.entries()) {
      if (entry.name().starts_with(':') || entry.id == http::HeaderId::Cookie) {
        continue; // cookies are joined in HTTP/2
      }
      bool found = false;
      for (const http::HeaderMap::Entry& other : first.entries()) {
        found = found || (other.name() == entry.name() && other.value() == entry.value());
      }
      check(found);
    }
  }

  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  http::HeaderMapPool pool_{slab_};
};

} // namespace
} // namespace moe::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  moe::fuzz::Differential().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
