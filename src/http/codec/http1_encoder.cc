#include "http/codec/http1_encoder.h"

#include <charconv>
#include <cstring>

#include "http/status.h"

namespace moe::http {
namespace {

// Writes into one piece of the slab that is known to be large enough.
class Writer {
public:
  explicit Writer(char* at) : at_(at) {}
  Writer& put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  char* at() const { return at_; }

private:
  char* at_;
};

constexpr size_t kSlack = 256; // start line's fixed parts, framing and connection headers

bool writtenByCodec(const HeaderMap::Entry& entry, const Http1HeadOptions& options) {
  switch (entry.id) {
  case HeaderId::TransferEncoding:
    return true;
  case HeaderId::ContentLength:
    return options.dropContentLength || options.framing == Http1Framing::Chunked;
  case HeaderId::Connection:
    return !options.connection.empty();
  default:
    return entry.nameSize != 0 && entry.nameData[0] == ':';
  }
}

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Names are written in lower case, and then made what they are to be where they stand.
class NameCase {
public:
  NameCase(const HeaderMap& headers, bool proper)
      : kept_(headers.keepsCase() ? &headers : nullptr),
        proper_(kept_ != nullptr ? headers.properElse() : proper) {}

  Writer& put(Writer& writer, std::string_view name) const {
    char* at = writer.at();
    writer.put(name);
    if (kept_ != nullptr || proper_) {
      change(at, name);
    }
    return writer;
  }

private:
  void change(char* at, std::string_view name) const {
    if (kept_ != nullptr) {
      if (const auto original = kept_->originalName(name)) {
        std::memcpy(at, original->data(), original->size());
        return;
      }
    }
    bool first = proper_; // of a word
    for (size_t i = 0; i < name.size(); ++i) {
      if (first && at[i] >= 'a' && at[i] <= 'z') {
        at[i] = static_cast<char>(at[i] - 'a' + 'A');
      }
      first = proper_ && !letter(at[i]) && !(at[i] >= '0' && at[i] <= '9');
    }
  }

  const HeaderMap* kept_;
  bool proper_;
};

void putHeaders(const HeaderMap& headers, const Http1HeadOptions& options, Writer& writer) {
  const NameCase names(headers, options.properCase);
  for (const HeaderMap::Entry& entry : headers.entries()) {
    if (!writtenByCodec(entry, options)) {
      names.put(writer, entry.name()).put(": ").put(entry.value()).put("\r\n");
    }
  }
  if (options.framing == Http1Framing::Chunked) {
    names.put(writer, "transfer-encoding").put(": chunked\r\n");
  }
  if (options.contentLengthZero) {
    names.put(writer, "content-length").put(": 0\r\n");
  }
  if (!options.connection.empty()) {
    names.put(writer, "connection").put(": ").put(options.connection).put("\r\n");
  }
  writer.put("\r\n");
}

size_t headSize(const HeaderMap& headers, const Http1HeadOptions& options) {
  return headers.byteSize() + headers.size() * 4 + options.connection.size() + kSlack;
}

void finish(base::Slice& slice, const Writer& writer, base::Buffer& out) {
  slice.size = static_cast<size_t>(writer.at() - slice.data);
  out.append(std::move(slice));
}

} // namespace

void writeResponseHead(const HeaderMap& headers, uint32_t status, const Http1HeadOptions& options,
                       base::Slab& slab, base::Buffer& out) {
  base::Slice slice = slab.allocate(headSize(headers, options));
  Writer writer(slice.data);
  if (status == 200) {
    writer.put("HTTP/1.1 200 OK\r\n");
  } else {
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof(digits), status);
    writer.put("HTTP/1.1 ").put({digits, static_cast<size_t>(end.ptr - digits)}).put(" ");
    writer.put(reasonPhrase(status)).put("\r\n");
  }
  putHeaders(headers, options, writer);
  finish(slice, writer, out);
}

void writeRequestHead(const HeaderMap& headers, const Http1HeadOptions& options, base::Slab& slab,
                      base::Buffer& out) {
  base::Slice slice = slab.allocate(headSize(headers, options));
  Writer writer(slice.data);
  const std::string_view method = headers.method();
  const std::string_view authority = headers.authority();
  writer.put(method).put(" ");
  writer.put(method == "CONNECT" ? authority : headers.path()).put(" HTTP/1.1\r\n");
  NameCase(headers, options.properCase).put(writer, "host").put(": ").put(authority).put("\r\n");
  putHeaders(headers, options, writer);
  finish(slice, writer, out);
}

void writeChunk(base::Buffer& data, base::Slab& slab, base::Buffer& out) {
  char head[20];
  auto end = std::to_chars(head, head + 16, data.size(), 16);
  *end.ptr++ = '\r';
  *end.ptr++ = '\n';
  out.append(slab, {head, static_cast<size_t>(end.ptr - head)});
  out.moveFrom(data);
  out.appendStatic("\r\n");
}

void writeLastChunk(const HeaderMap* trailers, bool properCase, base::Slab& slab,
                    base::Buffer& out) {
  if (trailers == nullptr || trailers->empty()) {
    out.appendStatic("0\r\n\r\n");
    return;
  }
  base::Slice slice = slab.allocate(headSize(*trailers, {}));
  Writer writer(slice.data);
  writer.put("0\r\n");
  putHeaders(*trailers, {.properCase = properCase}, writer);
  finish(slice, writer, out);
}

} // namespace moe::http
