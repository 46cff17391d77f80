#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "event/worker.h"
#include "http/header_map.h"
#include "http/stream_info.h"

namespace moe::http {

// What an HTTP filter answers to headers. The meanings are Envoy's.
enum class HeadersStatus {
  Continue,                     // to the next filter
  StopIteration,                // stop; data and trailers still come to this filter
  StopAllIterationAndBuffer,    // stop; data is kept until continue, 413/500 above the limit
  StopAllIterationAndWatermark, // stop; data is kept, the sender is held above the limit
};

enum class DataStatus {
  Continue,                  // to the next filter (headers first, if they were held)
  StopIterationAndBuffer,    // kept; 413/500 above the limit
  StopIterationAndWatermark, // kept; the sender is held above the limit
  StopIterationNoBuffer,     // this filter has taken the data
};

enum class TrailersStatus { Continue, StopIteration };

// Per-route configuration of one filter; immutable, shared by all workers.
class RouteFilterConfig {
public:
  virtual ~RouteFilterConfig() = default;
};

// What a filter may know of the route a request has. Valid while the stream holds it.
class RouteView {
public:
  virtual std::string_view routeName() const = 0;
  virtual std::string_view clusterName() const = 0; // "" for redirects and direct responses
  virtual std::string_view virtualHostName() const = 0;
  // typed_per_filter_config of this filter name: the most specific one (weighted cluster, route,
  // virtual host, route configuration), or null.
  virtual const RouteFilterConfig* perFilterConfig(std::string_view filterName) const = 0;
  // Each of them, from the least to the most specific.
  virtual void
  forEachPerFilterConfig(std::string_view filterName,
                         const std::function<void(const RouteFilterConfig&)>& f) const = 0;
  // Whether the filter is left out on this route, as the most specific entry that names it says
  // (FilterConfig.disabled; a configuration without it: not left out). Nothing: no entry names it.
  virtual std::optional<bool> filterDisabled(std::string_view filterName) const = 0;
  virtual const Metadata* metadata() const = 0;

protected:
  ~RouteView() = default;
};

struct LocalReply {
  uint32_t status = 500;
  std::string_view body;                         // text/plain unless modifyHeaders says else
  std::function<void(HeaderMap&)> modifyHeaders; // may be empty
  std::optional<int> grpcStatus;                 // else from the HTTP status
  std::string_view details;                      // response_code_details
};

// What both directions of the filter chain offer to a filter. All on the stream's worker.
class FilterCallbacks {
public:
  virtual event::Worker& worker() = 0;
  virtual StreamInfo& streamInfo() = 0;
  // Null if no route matches. Stable until clearRouteCache().
  virtual const RouteView* route() = 0;
  // The next route() matches anew (after headers or metadata have changed).
  virtual void clearRouteCache() = 0;
  // Answers the request from here: skips the rest of the decoding chain; the response passes the
  // encoding filters. After the response has begun: resets the stream.
  virtual void sendLocalReply(const LocalReply& reply) = 0;
  // `details`: response_code_details.
  virtual void resetStream(std::string_view details) = 0;
  // The name the filter has in the configuration.
  virtual std::string_view filterConfigName() const = 0;
  virtual HeaderMap* requestHeaders() = 0; // null before decodeHeaders
  virtual HeaderMap* requestTrailers() = 0;
  virtual HeaderMap* responseHeaders() = 0;
  virtual HeaderMap* responseTrailers() = 0;

protected:
  ~FilterCallbacks() = default;
};

class DecoderFilterCallbacks : public virtual FilterCallbacks {
public:
  // Goes on behind this filter after a Stop. Not from within one of its own decode calls.
  virtual void continueDecoding() = 0;
  // What this filter and those before it have stopped and kept; null if nothing.
  virtual base::Buffer* decodingBuffer() = 0;
  // From decodeHeaders/Data/Trailers (or while stopped): adds body bytes that the filters behind
  // this one will see. streaming: held by watermark, else by limit and 413.
  virtual void addDecodedData(base::Buffer& data, bool streaming) = 0;
  // Hands data to the filters behind this one at once, while this one has stopped.
  virtual void injectDecodedData(base::Buffer& data, bool endStream) = 0;
  // From decodeData with endStream only: makes trailers where there were none.
  virtual HeaderMap& addDecodedTrailers() = 0;
  virtual uint32_t decoderBufferLimit() const = 0;
  virtual void setDecoderBufferLimit(uint32_t bytes) = 0;
  // Holds the downstream sender; counted.
  virtual void onDecoderFilterAboveHighWatermark() = 0;
  virtual void onDecoderFilterBelowLowWatermark() = 0;

  // For the terminal filter: the response comes in here.
  virtual void encode1xxHeaders(HeaderMapPtr headers) = 0;
  virtual void encodeHeaders(HeaderMapPtr headers, bool endStream, std::string_view details) = 0;
  virtual void encodeData(base::Buffer& data, bool endStream) = 0;
  virtual void encodeTrailers(HeaderMapPtr trailers) = 0;
  // Begins anew with another request in the place of the client's, which has come whole. `response`
  // is what it answers, for the logs. True: this stream is over, its filters too. False: it cannot
  // be, and nothing has changed.
  virtual bool recreateStream(HeaderMapPtr& request, base::Buffer& body,
                              HeaderMapPtr& response) = 0;

protected:
  ~DecoderFilterCallbacks() = default;
};

class EncoderFilterCallbacks : public virtual FilterCallbacks {
public:
  virtual void continueEncoding() = 0;
  virtual base::Buffer* encodingBuffer() = 0;
  virtual void addEncodedData(base::Buffer& data, bool streaming) = 0;
  virtual void injectEncodedData(base::Buffer& data, bool endStream) = 0;
  virtual HeaderMap& addEncodedTrailers() = 0;
  virtual uint32_t encoderBufferLimit() const = 0;
  virtual void setEncoderBufferLimit(uint32_t bytes) = 0;
  virtual void onEncoderFilterAboveHighWatermark() = 0;
  virtual void onEncoderFilterBelowLowWatermark() = 0;

protected:
  ~EncoderFilterCallbacks() = default;
};

// One filter of one stream. A filter that only reads requests overrides the decode part, and so on.
// Calls come on the stream's worker, in the order headers, data*, trailers, for each direction.
class StreamFilter {
public:
  virtual ~StreamFilter() = default;

  virtual void setDecoderCallbacks(DecoderFilterCallbacks& callbacks) = 0;
  virtual void setEncoderCallbacks(EncoderFilterCallbacks& callbacks) = 0;

  virtual HeadersStatus decodeHeaders(HeaderMap&, bool /*endStream*/) {
    return HeadersStatus::Continue;
  }
  virtual DataStatus decodeData(base::Buffer&, bool /*endStream*/) { return DataStatus::Continue; }
  virtual TrailersStatus decodeTrailers(HeaderMap&) { return TrailersStatus::Continue; }

  virtual HeadersStatus encodeHeaders(HeaderMap&, bool /*endStream*/) {
    return HeadersStatus::Continue;
  }
  virtual DataStatus encodeData(base::Buffer&, bool /*endStream*/) { return DataStatus::Continue; }
  virtual TrailersStatus encodeTrailers(HeaderMap&) { return TrailersStatus::Continue; }

  // A local reply takes the place of the response; response headers and trailers that the filter
  // knows are void when this returns. The reply comes through encodeHeaders.
  virtual void onLocalReply() {}
  // The request is over, complete or not, and will be logged; headers are still there.
  virtual void onStreamComplete() {}
  // With the access log, after onStreamComplete. Headers may be null.
  virtual void log() {}
  // Before the filter is destroyed; the callbacks must not be used after this returns.
  virtual void onDestroy() = 0;
};

// One configured filter of one listener's HTTP connection manager; immutable, shared by all
// workers.
class FilterFactory {
public:
  virtual ~FilterFactory() = default;
  // Null: the filter has nothing to do on this stream. Called on a worker.
  virtual std::unique_ptr<StreamFilter> createFilter(event::Worker& worker) const = 0;
  // False for directions that the filter never looks at: the chain skips it there.
  virtual bool decodes() const { return true; }
  virtual bool encodes() const { return true; }
};
using FilterFactoryPtr = std::shared_ptr<const FilterFactory>;

} // namespace moe::http
