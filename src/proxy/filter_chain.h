#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/slot.h"
#include "http/filter.h"

namespace moe::proxy {

class NamedFilter;

// A filter of the chain as configured.
struct ConfiguredFilter {
  std::string name;
  http::FilterFactoryPtr factory; // null: it is in the slot, or this is the router
  bool disabled = false;          // unless a route says otherwise
  // Of a filter whose configuration comes by name; else null.
  std::shared_ptr<const event::Slot<http::FilterFactory>> slot;
  std::shared_ptr<NamedFilter> named; // keeps the slot up to date
};

class FilterChain;
class LocalReplyConfig;

// What a filter chain needs of the stream it works for. All on the stream's worker.
class FilterChainHost {
public:
  virtual event::Worker& worker() = 0;
  virtual http::StreamInfo& streamInfo() = 0;
  virtual const http::RouteView* route() = 0;
  virtual void clearRouteCache() = 0;
  virtual http::HeaderMapPtr newHeaders() = 0;
  // What becomes of the proxy's own answers; null: they stay as they are.
  virtual const LocalReplyConfig* localReplies() { return nullptr; }

  // The response leaves the chain.
  virtual void send1xxHeaders(const http::HeaderMap& headers) = 0;
  virtual void sendHeaders(http::HeaderMap& headers, bool endStream) = 0;
  virtual void sendData(base::Buffer& data, bool endStream) = 0;
  virtual void sendTrailers(http::HeaderMap& trailers) = 0;

  // Holds or frees the sender of the request (downstream) or of the response (upstream); counted.
  virtual void readDisableDownstream(bool disable) = 0;
  virtual void readDisableUpstream(bool disable) = 0;
  // See http::DecoderFilterCallbacks.
  virtual bool recreateStream(http::HeaderMapPtr& /*request*/, base::Buffer& /*body*/) {
    return false;
  }
  // Ends the stream; nothing of the chain is called afterwards but onDestroy.
  virtual void resetStream(std::string_view details) = 0;

protected:
  ~FilterChainHost() = default;
};

namespace internal {

// What one filter holds of one direction of the stream.
struct Side {
  bool active = true;         // the filter looks at this direction at all
  bool headersPassed = false; // the next filter has been given the headers
  bool stopped = false;       // waits for continue
  bool stopAll = false;       // and is given nothing meanwhile
  bool watermark = false;     // hold the sender above the limit, instead of failing
  bool holding = false;       // the sender is held for this filter
  bool trailersSeen = false;  // the filter has seen trailers that the next one has not
  bool heldEnd = false;       // the stream ends behind `held`
  bool waitingData = false;   // `waiting` is to be given to the filter, even if empty
  bool waitingEnd = false;
  bool waitingTrailers = false;
  base::Buffer held;    // the filter has seen or added it, the next filter has not
  base::Buffer waiting; // the filter has not seen it
};

} // namespace internal

// One filter in the chain of one stream.
class ActiveFilter final : public http::DecoderFilterCallbacks,
                           public http::EncoderFilterCallbacks {
public:
  ActiveFilter(FilterChain& chain, size_t index, std::string_view name)
      : chain_(chain), index_(index), name_(name) {}

  // FilterCallbacks
  event::Worker& worker() override;
  http::StreamInfo& streamInfo() override;
  const http::RouteView* route() override;
  void clearRouteCache() override;
  void sendLocalReply(const http::LocalReply& reply) override;
  void resetStream(std::string_view details) override;
  std::string_view filterConfigName() const override { return name_; }
  http::HeaderMap* requestHeaders() override;
  http::HeaderMap* requestTrailers() override;
  http::HeaderMap* responseHeaders() override;
  http::HeaderMap* responseTrailers() override;

  // DecoderFilterCallbacks
  void continueDecoding() override;
  base::Buffer* decodingBuffer() override;
  void addDecodedData(base::Buffer& data, bool streaming) override;
  void injectDecodedData(base::Buffer& data, bool endStream) override;
  http::HeaderMap& addDecodedTrailers() override;
  uint32_t decoderBufferLimit() const override;
  void setDecoderBufferLimit(uint32_t bytes) override;
  void onDecoderFilterAboveHighWatermark() override;
  void onDecoderFilterBelowLowWatermark() override;
  void encode1xxHeaders(http::HeaderMapPtr headers) override;
  void encodeHeaders(http::HeaderMapPtr headers, bool endStream, std::string_view details) override;
  void encodeData(base::Buffer& data, bool endStream) override;
  void encodeTrailers(http::HeaderMapPtr trailers) override;
  bool recreateStream(http::HeaderMapPtr& request, base::Buffer& body,
                      http::HeaderMapPtr& response) override;

  // EncoderFilterCallbacks
  void continueEncoding() override;
  base::Buffer* encodingBuffer() override;
  void addEncodedData(base::Buffer& data, bool streaming) override;
  void injectEncodedData(base::Buffer& data, bool endStream) override;
  http::HeaderMap& addEncodedTrailers() override;
  uint32_t encoderBufferLimit() const override;
  void setEncoderBufferLimit(uint32_t bytes) override;
  void onEncoderFilterAboveHighWatermark() override;
  void onEncoderFilterBelowLowWatermark() override;

private:
  friend class FilterChain;
  FilterChain& chain_;
  size_t index_;
  std::string_view name_;
  std::unique_ptr<http::StreamFilter> filter_;
  internal::Side decode_;
  internal::Side encode_;
};

// Runs the filters of one stream in both directions, keeps what they stop, and answers locally.
// Request: filters 0..n-1. Response: n-1..0, then the host's send functions. A call of a filter's
// callbacks inside one of its own calls is safe; a local reply is then sent when the call returns.
class FilterChain {
public:
  FilterChain(FilterChainHost& host, uint32_t bufferLimit);
  ~FilterChain();
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;

  // `name` outlives the stream.
  void add(std::string_view name, std::unique_ptr<http::StreamFilter> filter, bool decodes,
           bool encodes);

  // For replies that are made before the request enters the chain.
  void beginRequest(http::HeaderMap& headers) { requestHeaders_ = &headers; }
  // The request, as it comes from the codec.
  void decodeHeaders(http::HeaderMap& headers, bool endStream);
  void decodeData(base::Buffer& data, bool endStream);
  void decodeTrailers(http::HeaderMapPtr trailers);

  // An answer made by the proxy itself; passes the encoding filters.
  void sendLocalReply(const http::LocalReply& reply);
  // Has the response begun to leave?
  bool responseStarted() const { return responseStarted_; }
  // Nothing more is decoded: a local reply was made.
  bool decodingEnded() const { return decodingEnded_; }

  http::HeaderMap* requestHeaders() { return requestHeaders_; }
  http::HeaderMap* requestTrailers() { return requestTrailers_.get(); }
  http::HeaderMap* responseHeaders() { return responseHeaders_.get(); }
  http::HeaderMap* responseTrailers() { return responseTrailers_.get(); }

  // For the end of the stream, in this order.
  void streamComplete();
  void log();
  void destroy();

private:
  friend class ActiveFilter;
  struct Decode;
  struct Encode;
  struct PendingReply;

  template <class D> void passHeaders(size_t position, bool endStream);
  template <class D> void passData(size_t position, base::Buffer& data, bool endStream);
  template <class D> void passTrailers(size_t position);
  template <class D> void resume(size_t position);
  template <class D> void hold(ActiveFilter& filter, base::Buffer& data);
  template <class D> void checkLimit(ActiveFilter& filter);
  template <class D> void releaseHold(ActiveFilter& filter);
  template <class D> void addData(ActiveFilter& filter, base::Buffer& data, bool streaming);
  template <class D> void injectData(ActiveFilter& filter, base::Buffer& data, bool endStream);
  // Positions count in the direction of flow.
  template <class D> ActiveFilter& at(size_t position);
  template <class D> size_t positionOf(const ActiveFilter& filter) const;

  // True if the caller must return: the stream ended or a local reply was made in a call.
  bool leaveDecode();
  bool leaveEncode(uint32_t response);
  void sendPendingReply();
  void startResponse(http::HeaderMapPtr headers, bool endStream);

  FilterChainHost& host_;
  uint32_t bufferLimit_;
  std::vector<std::unique_ptr<ActiveFilter>> filters_;
  http::HeaderMap* requestHeaders_ = nullptr;
  http::HeaderMapPtr requestTrailers_;
  http::HeaderMapPtr responseHeaders_;
  http::HeaderMapPtr responseTrailers_;
  std::unique_ptr<PendingReply> pendingReply_;
  uint32_t callDepth_ = 0;     // filter calls on the stack
  uint32_t response_ = 0;      // counts up when a local reply takes the place of a response
  bool trailersAdded_ = false; // by the filter now called
  bool decodingEnded_ = false;
  bool responseStarted_ = false;
  bool localReply_ = false;
  bool destroyed_ = false;
};

} // namespace moe::proxy
