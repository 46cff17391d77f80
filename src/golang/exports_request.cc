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

void hand(Request& request, std::string text, uint64_t* data, int* size) {
  request.value = std::move(text);
  *data = reinterpret_cast<uint64_t>(request.value.data());
  *size = static_cast<int>(request.value.size());
}

std::string serializedMetadata(Request& request, std::string_view name) {
  const http::Metadata* metadata = request.filter->streamInfo().dynamicMetadataOrNull();
  if (metadata == nullptr) {
    return {};
  }
  const auto found = metadata->find(name);
  return found == metadata->end() ? std::string() : found->second.SerializeAsString();
}

void clearRouteCache(Filter& filter, bool refreshed) {
  filter.decoder().clearRouteCache();
  if (refreshed) {
    filter.decoder().route();
  }
}

} // namespace

void linkRequestExports() {}

extern "C" {

abi::Status envoyGoFilterHttpClearRouteCache(void* r, bool refresh) {
  return whileAlive(r, [&](Request& request) {
    if (request.onWorker()) {
      clearRouteCache(*request.filter, refresh);
      request.info.update(request.filter->streamInfo());
    } else {
      request.postRun([refresh](Filter& filter) { clearRouteCache(filter, refresh); });
    }
    return abi::kOk;
  });
}

abi::Status envoyGoFilterHttpGetStringValue(void* r, int id, uint64_t* value_data, int* value_len) {
  return whileAlive(r, [&](Request& request) {
    refresh(request);
    const auto value = stringValue(request.info, id);
    if (!value.has_value()) {
      return abi::kValueNotFound;
    }
    hand(request, std::string(*value), value_data, value_len);
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

abi::Status envoyGoFilterHttpGetDynamicMetadata(void* r, void* name_data, int name_len,
                                                uint64_t* value_data, int* value_len) {
  return whileAlive(r, [&](Request& request) {
    if (request.onWorker()) {
      hand(request, serializedMetadata(request, view(name_data, name_len)), value_data, value_len);
      return abi::kOk;
    }
    // The goroutine sleeps until envoyGoRequestSemaDec, or until the stream is destroyed; the
    // pointers are valid until then.
    request.postRun([&request, name = std::string(view(name_data, name_len)), value_data,
                     value_len](Filter& filter) {
      {
        const std::lock_guard lock(request.mutex);
        hand(request, serializedMetadata(request, name), value_data, value_len);
      }
      filter.go().semaDec(&request);
    });
    return abi::kYield;
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
    auto set = [&request, name = std::string(view(name_data, name_len)),
                key = std::string(view(key_data, key_len)), value = std::move(value)]() mutable {
      http::Metadata& metadata = request.filter->streamInfo().dynamicMetadata();
      (*metadata[name].mutable_fields())[key] = std::move(value);
    };
    if (request.onWorker()) {
      set();
    } else {
      request.postEdit(std::move(set));
    }
    return abi::kOk;
  });
}

void envoyGoFilterHttpFinalize(void* r, int /*reason*/) { Request::of(r).release(); }

} // extern "C"

} // namespace moe::golang
