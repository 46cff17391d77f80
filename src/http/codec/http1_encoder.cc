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

void putHeaders(const HeaderMap& headers, const Http1HeadOptions& options, Writer& writer) {
  for (const HeaderMap::Entry& entry : headers.entries()) {
    if (!writtenByCodec(entry, options)) {
      writer.put(entry.name()).put(": ").put(entry.value()).put("\r\n");
    }
  }
  if (options.framing == Http1Framing::Chunked) {
    writer.put("transfer-encoding: chunked\r\n");
  }
  if (options.contentLengthZero) {
    writer.put("content-length: 0\r\n");
  }
  if (!options.connection.empty()) {
    writer.put("connection: ").put(options.connection).put("\r\n");
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
  writer.put("host: ").put(authority).put("\r\n");
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

void writeLastChunk(const HeaderMap* trailers, base::Slab& slab, base::Buffer& out) {
  if (trailers == nullptr || trailers->empty()) {
    out.appendStatic("0\r\n\r\n");
    return;
  }
  base::Slice slice = slab.allocate(headSize(*trailers, {}));
  Writer writer(slice.data);
  writer.put("0\r\n");
  putHeaders(*trailers, {}, writer);
  finish(slice, writer, out);
}

} // namespace moe::http
