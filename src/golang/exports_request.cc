// The ABI functions on a request as a whole (HttpRequest).
#include <google/protobuf/struct.pb.h>

#include "golang/exports.h"
#include "golang/filter.h"
#include "golang/request.h"

namespace moe::golang {
namespace {

using abi::Status;

std::string_view view(const void* data, int size) {
  return {static_cast<const char*>(data), static_cast<size_t>(size > 0 ? size : 0)};
}

// Runs f(request) with the mutex held if the stream lives.
template <class F> Status whileAlive(void* r, F f) {
  Request& request = Request::of(r);
  const std::lock_guard lock(request.mutex);
  return request.filter == nullptr ? abi::kFilterIsGone : f(request);
}

std::optional<std::string_view> textOf(const net::Address* address) {
  return address == nullptr ? std::nullopt : std::optional<std::string_view>(address->asString());
}
std::optional<std::string_view> notEmpty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::string_view> stringValue(const InfoSnapshot& info, int id) {
  switch (id) {
  case abi::kRouteName:
    return notEmpty(info.routeName);
  case abi::kFilterChainName:
    return notEmpty(info.filterChainName);
  case abi::kResponseCodeDetails:
    return notEmpty(info.responseCodeDetails);
  case abi::kDownstreamLocalAddress:
    return textOf(info.downstreamLocal);
  case abi::kDownstreamRemoteAddress:
    return textOf(info.downstreamRemote);
  case abi::kUpstreamLocalAddress:
    return textOf(info.upstreamLocal.get());
  case abi::kUpstreamRemoteAddress:
    return textOf(info.upstreamRemote.get());
  case abi::kUpstreamClusterName:
    return notEmpty(info.upstreamCluster);
  case abi::kVirtualClusterName:
    return notEmpty(info.virtualClusterName);
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> integerValue(const InfoSnapshot& info, int id) {
  switch (id) {
  case abi::kProtocol:
    return info.protocol;
  case abi::kResponseCode:
    return info.responseCode == 0 ? std::nullopt : std::optional<uint64_t>(info.responseCode);
  case abi::kAttemptCount:
    return info.attemptCount == 0 ? std::nullopt : std::optional<uint64_t>(info.attemptCount);
  default:
    return std::nullopt;
  }
}

// What the worker knows now; a goroutine has to do with what was so when Go was entered last.
void refresh(Request& request) {
  if (request.onWorker()) {
    request.info.update(request.filter->streamInfo());
  }
}

// On the worker, without the mutex: routes are matched here.
void clearRouteCache(Filter& filter, bool refreshed) {
  filter.decoder().clearRouteCache();
  if (refreshed) {
    filter.decoder().route();
  }
  Request& request = filter.request();
  const std::lock_guard lock(request.mutex);
  request.info.update(filter.streamInfo());
}

} // namespace

void linkRequestExports() {}

extern "C" {

abi::Status envoyGoFilterHttpClearRouteCache(void* r, bool refresh) {
  Filter* here = nullptr;
  const abi::Status status = whileAlive(r, [&](Request& request) {
    if (request.onWorker()) {
      here = request.filter; // which only this thread ends
    } else {
      request.postRun([refresh](Filter& filter) { clearRouteCache(filter, refresh); });
    }
    return abi::kOk;
  });
  if (here != nullptr) {
    clearRouteCache(*here, refresh);
  }
  return status;
}

abi::Status envoyGoFilterHttpGetStringValue(void* r, int id, uint64_t* value_data, int* value_len) {
  return whileAlive(r, [&](Request& request) {
    refresh(request);
    const auto value = stringValue(request.info, id);
    if (!value.has_value()) {
      return abi::kValueNotFound;
    }
    request.hand(std::string(*value), value_data, value_len);
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpGetIntegerValue(void* r, int id, uint64_t* value) {
  return whileAlive(r, [&](Request& request) {
    refresh(request);
    const auto found = integerValue(request.info, id);
    if (!found.has_value()) {
      return abi::kValueNotFound;
    }
    *value = *found;
    return abi::kOk;
  });
}

// Yields to a goroutine: it sleeps until envoyGoRequestSemaDec, or until the stream is destroyed;
// the pointers are valid until then.
abi::Status envoyGoFilterHttpGetDynamicMetadata(void* r, void* name_data, int name_len,
                                                uint64_t* value_data, int* value_len) {
  return whileAlive(r, [&](Request& request) {
    return request.metadata(view(name_data, name_len), value_data, value_len);
  });
}

abi::Status envoyGoFilterHttpSetDynamicMetadata(void* r, void* name_data, int name_len,
                                                void* key_data, int key_len, void* buf_data,
                                                int buf_len) {
  return whileAlive(r, [&](Request& request) {
    google::protobuf::Value value;
    if (!value.ParseFromArray(buf_data, std::max(buf_len, 0))) {
      return abi::kSerializationFailure;
    }
    request.setMetadata(std::string(view(name_data, name_len)),
                        std::string(view(key_data, key_len)), std::move(value));
    return abi::kOk;
  });
}

void envoyGoFilterHttpFinalize(void* r, int /*reason*/) { Request::of(r).release(); }

} // extern "C"

} // namespace moe::golang
