// The ABI functions on one direction of a request (ProcessState). Each takes the request's mutex;
// what may not be done on the calling thread is posted to the stream's worker.
#include <cstring>

#include "base/strings.h"
#include "config/field_path.h"
#include "golang/exports.h"
#include "golang/filter.h"
#include "golang/header_edit.h"
#include "golang/request.h"

namespace moe::golang {
namespace {

using abi::Status;

std::string_view view(const void* data, int size) {
  return {static_cast<const char*>(data), static_cast<size_t>(size > 0 ? size : 0)};
}

// Is Go on the worker, in a call that only looks at the request?
bool logging(const Request& request) {
  return request.isProcessingLog.load(std::memory_order_relaxed) != 0 && request.onWorker();
}

// Runs f(request, direction) with the mutex held if the stream lives and Go is at work on it.
template <class F> Status whileInGo(void* s, F f) {
  if (s == nullptr) {
    return abi::kNotInGo; // the callbacks of a direction that Go has never been called for
  }
  Direction& direction = Request::direction(s);
  Request& request = Request::of(direction.request);
  const std::lock_guard lock(request.mutex);
  if (request.filter == nullptr) {
    return abi::kFilterIsGone;
  }
  if (!direction.inGo() && !logging(request)) {
    return abi::kNotInGo;
  }
  return f(request, direction);
}

// A Go string of an array that Go has made.
struct GoString {
  const char* data;
  int64_t size;
};

Status copyMap(const http::HeaderMap* map, const Direction::Announced& announced, void* strs,
               void* buf) {
  if (map == nullptr) {
    return abi::kInvalidPhase;
  }
  if (!announced.fits(*map)) {
    return abi::kInternalFailure; // Go has made room for less, when the map was smaller
  }
  auto* out = static_cast<GoString*>(strs);
  auto* bytes = static_cast<char*>(buf);
  auto put = [&](std::string_view text) {
    std::memcpy(bytes, text.data(), text.size());
    *out++ = {bytes, static_cast<int64_t>(text.size())};
    bytes += text.size();
  };
  for (const auto& entry : map->entries()) {
    put(entry.name());
    put(entry.value());
  }
  return abi::kOk;
}

// One edit of headers or trailers, now or on the worker.
Status edit(void* s, http::HeaderMap* Direction::* which, HeaderEdit change) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    if (direction.*which == nullptr) {
      return abi::kInvalidPhase;
    }
    if (const char* wrong = change.problem()) {
      request.postRun([wrong, name = change.name](Filter& filter) {
        filter.complain(base::cat(wrong, " in an edit of the header ", config::inQuotes(name)));
      });
      return abi::kInternalFailure;
    }
    if (request.onWorker()) {
      change.apply(*(direction.*which));
    } else {
      request.postEdit([&direction, which, change = std::move(change)] {
        if (direction.*which != nullptr) {
          change.apply(*(direction.*which));
        }
      });
    }
    return abi::kOk;
  });
}

HeaderEdit::Kind kindOf(abi::HeaderAction action) {
  return action == abi::kHeaderAdd ? HeaderEdit::Kind::Add : HeaderEdit::Kind::Set;
}

// As response code details: logs and headers show them as one word.
std::string detailsOf(const void* data, int size) {
  std::string details(view(data, size));
  for (char& c : details) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte <= ' ' || byte == 0x7f ? '_' : c;
  }
  return details;
}

// Runs f(request, direction, body) if `buffer` is a part of the body that has not passed.
template <class F> Status withBody(void* s, uint64_t buffer, F f) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    base::Buffer* body = direction.chunks.find(buffer);
    return body == nullptr ? abi::kInvalidPhase : f(request, direction, *body);
  });
}

Status reply(void* s, GoReply made) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    if (!direction.inGo()) {
      return abi::kNotInGo; // too late while the log is written
    }
    if (request.onWorker() && request.filter->calling(direction)) {
      request.filter->setReply(std::move(made));
    } else {
      request.postRun(
          [&direction, entry = direction.entry, made = std::move(made)](Filter& filter) mutable {
            filter.replyLater(direction, entry, std::move(made));
          });
    }
    return abi::kOk;
  });
}

} // namespace

void linkDirectionExports() {}

extern "C" {

abi::Status envoyGoFilterHttpContinue(void* s, int status) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    if (!direction.inGo()) {
      return abi::kNotInGo;
    }
    request.postRun([&direction, entry = direction.entry, status](Filter& filter) {
      filter.flow(direction).continueLater(entry, status);
    });
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpSendLocalReply(void* s, int response_code, void* body_text_data,
                                            int body_text_len, void* headers, int headers_num,
                                            long long int grpc_status, void* details_data,
                                            int details_len) {
  GoReply made;
  made.status = response_code >= 200 && response_code <= 599 ? static_cast<uint32_t>(response_code)
                                                             : 500; // no other can end a request
  made.body = view(body_text_data, body_text_len);
  made.details = detailsOf(details_data, details_len);
  if (grpc_status >= 0) {
    made.grpcStatus = static_cast<int>(grpc_status);
  }
  auto** texts = static_cast<char**>(headers);
  for (int i = 0; i + 1 < headers_num; i += 2) {
    HeaderEdit header(HeaderEdit::Kind::Add, texts[i], texts[i + 1]);
    if (header.problem() == nullptr && !header.name.starts_with(':')) {
      made.headers.emplace_back(std::move(header.name), std::move(header.value));
    }
  }
  return reply(s, std::move(made));
}

abi::Status envoyGoFilterHttpSendPanicReply(void* s, void* details_data, int details_len) {
  GoReply made;
  made.body = kPanicBody;
  made.details = detailsOf(details_data, details_len);
  made.panic = true;
  return reply(s, std::move(made));
}

abi::Status envoyGoFilterHttpAddData(void* s, void* data, int data_len, bool is_streaming) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    if (!direction.inGo() || direction.state == abi::kProcessingData) {
      return abi::kInvalidPhase; // the body's own buffer is there to be appended to
    }
    base::Buffer added;
    added.attach(base::Slice::foreignCopy(view(data, data_len)));
    if (request.onWorker()) {
      request.filter->flow(direction).addData(added, is_streaming);
    } else {
      request.postEdit([&request, &direction, entry = direction.entry, added = std::move(added),
                        is_streaming]() mutable {
        if (direction.entry == entry && direction.inGo()) { // it has a place in the body
          request.filter->flow(direction).addData(added, is_streaming);
        }
      });
    }
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpGetHeader(void* s, void* key_data, int key_len, uint64_t* value_data,
                                       int* value_len) {
  return whileInGo(s, [&](Request&, Direction& direction) {
    const http::HeaderMap* map =
        direction.state == abi::kProcessingTrailers ? direction.trailers : direction.headers;
    if (map == nullptr) {
      return abi::kInvalidPhase;
    }
    const auto value = map->get(view(key_data, key_len));
    *value_data = value.has_value() ? reinterpret_cast<uint64_t>(value->data()) : 0;
    *value_len = value.has_value() ? static_cast<int>(value->size()) : 0;
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpCopyHeaders(void* s, void* strs, void* buf) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    return copyMap(direction.headers,
                   logging(request) ? direction.headersLogged : direction.headersAnnounced, strs,
                   buf);
  });
}

abi::Status envoyGoFilterHttpSetHeaderHelper(void* s, void* key_data, int key_len, void* value_data,
                                             int value_len, abi::HeaderAction action) {
  return edit(s, &Direction::headers,
              HeaderEdit(kindOf(action), view(key_data, key_len), view(value_data, value_len)));
}

abi::Status envoyGoFilterHttpRemoveHeader(void* s, void* key_data, int key_len) {
  return edit(s, &Direction::headers,
              HeaderEdit(HeaderEdit::Kind::Remove, view(key_data, key_len), {}));
}

abi::Status envoyGoFilterHttpCopyTrailers(void* s, void* strs, void* buf) {
  return whileInGo(s, [&](Request& request, Direction& direction) {
    return copyMap(direction.trailers,
                   logging(request) ? direction.trailersLogged : direction.trailersAnnounced, strs,
                   buf);
  });
}

abi::Status envoyGoFilterHttpSetTrailer(void* s, void* key_data, int key_len, void* value,
                                        int value_len, abi::HeaderAction action) {
  return edit(s, &Direction::trailers,
              HeaderEdit(kindOf(action), view(key_data, key_len), view(value, value_len)));
}

abi::Status envoyGoFilterHttpRemoveTrailer(void* s, void* key_data, int key_len) {
  return edit(s, &Direction::trailers,
              HeaderEdit(HeaderEdit::Kind::Remove, view(key_data, key_len), {}));
}

abi::Status envoyGoFilterHttpGetBuffer(void* s, uint64_t buffer, void* value) {
  return withBody(s, buffer, [&](Request&, Direction&, base::Buffer& body) {
    body.copyOut(0, body.size(), static_cast<char*>(value));
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpDrainBuffer(void* s, uint64_t buffer, uint64_t length) {
  return withBody(s, buffer, [&](Request&, Direction& direction, base::Buffer& body) {
    direction.bodyResized = true;
    body.drainInto(direction.dropped, std::min<size_t>(length, body.size()));
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpSetBufferHelper(void* s, uint64_t buffer, void* data, int length,
                                             abi::BufferAction action) {
  return withBody(s, buffer, [&](Request&, Direction& direction, base::Buffer& body) {
    direction.bodyResized = true;
    if (action == abi::kBufferSet) {
      body.drainInto(direction.dropped, body.size());
    }
    const std::string_view bytes = view(data, length);
    if (bytes.empty()) {
      return abi::kOk;
    }
    // A block of its own: the worker's may not be touched on another thread.
    base::Slice slice = base::Slice::foreignCopy(bytes);
    if (action == abi::kBufferPrepend) {
      body.prepend(std::move(slice));
    } else {
      body.attach(std::move(slice));
    }
    return abi::kOk;
  });
}

} // extern "C"

} // namespace moe::golang
