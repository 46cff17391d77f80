#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "event/worker.h"
#include "golang/chunks.h"
#include "http/header_map.h"
#include "http/stream_info.h"
#include "moe/go_abi.h"

namespace moe::golang {

class Filter;
class Request;

// What Go sees of one direction. All but `request` and `isEncoding` are guarded by Request::mutex;
// the worker alone writes.
struct Direction : abi::ProcessState {
  bool inGo() const {
    return state == abi::kProcessingHeaders || state == abi::kProcessingData ||
           state == abi::kProcessingTrailers;
  }
  // What Go was told when it made room for a copy.
  struct Announced {
    uint64_t number = 0;
    uint64_t bytes = 0;
    static Announced of(const http::HeaderMap* map) {
      return map == nullptr ? Announced() : Announced{map->size(), map->byteSize()};
    }
    bool fits(const http::HeaderMap& map) const {
      return map.size() <= number && map.byteSize() <= bytes;
    }
  };
  // By the calls on headers and trailers. While the log is written Go has maps of that size too,
  // but only in the call on the worker: a goroutine may still hold the older, smaller ones.
  Announced headersAnnounced;
  Announced trailersAnnounced;
  Announced headersLogged;
  Announced trailersLogged;
  // Null when Go has no business with them (any more).
  http::HeaderMap* headers = nullptr;
  http::HeaderMap* trailers = nullptr;
  Chunks chunks;            // Go edits them while it is at work; nobody else touches them then
  base::Buffer dropped;     // pooled slices that Go has dropped, for the worker to free
  bool bodyResized = false; // content-length may be wrong
  uint32_t entry = 0;       // counts the calls into Go; a data call's is the handle of its chunk
};

// StreamInfo as of the last call into Go, for goroutines. The views and addresses are kept alive by
// the stream.
struct InfoSnapshot {
  std::string_view routeName;
  std::string_view filterChainName;
  std::string_view upstreamCluster;
  std::string_view virtualClusterName;
  std::string responseCodeDetails;
  net::AddressPtr upstreamLocal;
  net::AddressPtr upstreamRemote;
  const net::Address* downstreamLocal = nullptr;
  const net::Address* downstreamRemote = nullptr;
  std::optional<uint64_t> protocol;
  uint32_t responseCode = 0;
  uint32_t attemptCount = 0;

  void update(const http::StreamInfo& info);
};

// What the requests of one plugin name share; they may outlive everything else of it.
struct PluginIdentity {
  explicit PluginIdentity(std::string plugin) : name(std::move(plugin)) {}
  const std::string name;
  std::atomic<int64_t> live{0}; // Request objects
};

// A reference to a Request; any thread.
class RequestRef {
public:
  explicit RequestRef(Request& request);
  RequestRef(RequestRef&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
  RequestRef& operator=(RequestRef&&) = delete;
  RequestRef(const RequestRef&) = delete;
  ~RequestRef();
  Request* operator->() const { return request_; }

private:
  Request* request_;
};

// The object that Go knows a stream by. It outlives the stream until the worker, Go's finalizer and
// posted closures have all let go of it.
//
// `filter` is the stream's end of it: while it is not null (checked under the mutex) the stream and
// its worker's loop are alive. Only the worker sets it to null. The mutex is not held across calls
// into Go or into the filter chain.
//
// A goroutine that asks for metadata holds a lock of the SDK until it has the answer, and the SDK
// takes the same lock for other questions in calls on the worker. The worker therefore answers it
// before it enters Go, and a goroutine that asks while the worker is inside answers itself.
class Request : public abi::HttpRequest {
public:
  Request(Filter& filter, event::Worker& worker, std::shared_ptr<PluginIdentity> plugin,
          uint64_t config);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  static Request& of(void* abiRequest) {
    return *static_cast<Request*>(static_cast<abi::HttpRequest*>(abiRequest));
  }
  static Direction& direction(void* abiState) {
    return *static_cast<Direction*>(static_cast<abi::ProcessState*>(abiState));
  }

  bool onWorker() const { return pthread_equal(pthread_self(), workerThread_) != 0; }
  // Both post f to the worker, where it is dropped if the stream is gone by then. Mutex held,
  // filter not null. edit: f() runs with the mutex held. run: f(Filter&) runs without it.
  template <class F> void postEdit(F f);
  template <class F> void postRun(F f);

  // The worker goes into Go and comes back; mutex held. entered(): true if a goroutine got its
  // answer and is to be woken (envoyGoRequestSemaDec) without the mutex.
  bool entered();
  void left() { inCall_ = false; }

  // All with the mutex held.
  // Metadata as it is, with what goroutines have set and the worker has not yet taken over; kYield
  // if the worker must answer, which then calls answerQuestion().
  abi::Status metadata(std::string_view name, uint64_t* data, int* size);
  // True if there was a question; the goroutine is to be woken.
  bool answerQuestion();
  // Sets it on the worker, now or soon.
  void setMetadata(std::string name, std::string key, google::protobuf::Value value);
  // Hands Go a string.
  void hand(std::string text, uint64_t* data, int* size);

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

  std::mutex mutex;
  Filter* filter;
  Direction decode;
  Direction encode;
  InfoSnapshot info;

private:
  struct MetadataEntry {
    std::string name;
    std::string key;
    google::protobuf::Value value;
  };
  // A goroutine that sleeps until `data` and `size` are filled in; the SDK allows one at a time.
  struct Question {
    std::string name;
    uint64_t* data;
    int* size;
  };
  void postTask(event::Task task);
  void takeMetadata();
  std::string serializedMetadata(std::string_view name) const;

  // The last string handed to Go. Go copies it before it asks for another (under its own lock).
  std::string value_;
  std::optional<Question> question_;
  std::vector<MetadataEntry> newMetadata_; // set by goroutines; the worker takes it over
  bool inCall_ = false;                    // the worker is inside Go for this request

  std::shared_ptr<PluginIdentity> plugin_;
  event::Loop& loop_;
  pthread_t workerThread_;
  std::atomic<uint32_t> references_{1};
};

inline RequestRef::RequestRef(Request& request) : request_(&request) { request.retain(); }
inline RequestRef::~RequestRef() {
  if (request_ != nullptr) {
    request_->release();
  }
}

template <class F> void Request::postEdit(F f) {
  postTask([self = RequestRef(*this), f = std::move(f)]() mutable {
    const std::lock_guard lock(self->mutex);
    if (self->filter != nullptr) {
      f();
    }
  });
}

template <class F> void Request::postRun(F f) {
  postTask([self = RequestRef(*this), f = std::move(f)]() mutable {
    if (self->filter != nullptr) { // only this thread makes it null
      f(*self->filter);
    }
  });
}

} // namespace moe::golang
