#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "http/header_map.h"
#include "proxy/filter_chain.h"

namespace moe::proxy::test {

// What left the chain, as text: "200 a=b|body|T:x=y|end". As the real one, it destroys the chain at
// the end of the response or at a reset, in the middle of the chain's call.
class RecordingHost : public FilterChainHost {
public:
  event::Worker& worker() override { return worker_; }
  http::StreamInfo& streamInfo() override { return info; }
  const http::RouteView* route() override {
    if (onRoute) {
      onRoute();
    }
    return nullptr;
  }
  void clearRouteCache() override { ++routeCleared; }
  http::HeaderMapPtr newHeaders() override { return pool_.make(); }
  void send1xxHeaders(const http::HeaderMap&) override {}
  void sendHeaders(http::HeaderMap& headers, bool endStream) override {
    sent += std::to_string(headers.status());
    for (const auto& entry : headers.entries()) {
      if (entry.name().starts_with("x-")) {
        sent += " " + std::string(entry.name()) + "=" + std::string(entry.value());
      }
    }
    end(endStream);
  }
  void sendData(base::Buffer& data, bool endStream) override {
    sent += "|" + data.toString();
    data.clear();
    end(endStream);
  }
  void sendTrailers(http::HeaderMap& trailers) override {
    sent += "|T:";
    for (const auto& entry : trailers.entries()) {
      sent += std::string(entry.name()) + "=" + std::string(entry.value());
    }
    end(true);
  }
  void readDisableDownstream(bool disable) override { downstreamHeld += disable ? 1 : -1; }
  void readDisableUpstream(bool disable) override { upstreamHeld += disable ? 1 : -1; }
  void resetStream(std::string_view details) override {
    if (!over) {
      reset = std::string(details);
      endStream();
    }
  }

  base::Slab& slab() { return worker_.slab; }

  FilterChain* chain = nullptr;
  std::function<void()> onRoute;
  bool over = false;
  http::StreamInfo info;
  std::string sent;
  std::string reset;
  int downstreamHeld = 0;
  int upstreamHeld = 0;
  int routeCleared = 0;

private:
  void end(bool last) {
    if (last) {
      sent += "|end";
      endStream();
    }
  }
  void endStream() {
    over = true;
    if (chain != nullptr) {
      chain->streamComplete();
      chain->log();
      chain->destroy();
    }
  }
  event::Worker worker_{0};
  http::HeaderMapPool pool_{worker_.slab};
};

// Callbacks of a filter, kept for the test.
class FilterBase : public http::StreamFilter {
public:
  void setDecoderCallbacks(http::DecoderFilterCallbacks& callbacks) override {
    decoder = &callbacks;
  }
  void setEncoderCallbacks(http::EncoderFilterCallbacks& callbacks) override {
    encoder = &callbacks;
  }
  void onDestroy() override { ++destroyed; }

  http::DecoderFilterCallbacks* decoder = nullptr;
  http::EncoderFilterCallbacks* encoder = nullptr;
  int destroyed = 0;
};

// The end of the chain: records the request as "GET x-a=b|body|T:x=y|end" and answers when told.
class Terminal final : public FilterBase {
public:
  http::HeadersStatus decodeHeaders(http::HeaderMap& headers, bool endStream) override {
    seen += std::string(headers.method());
    for (const auto& entry : headers.entries()) {
      if (entry.name().starts_with("x-") || entry.id == http::HeaderId::ContentLength) {
        seen += " " + std::string(entry.name()) + "=" + std::string(entry.value());
      }
    }
    seen += endStream ? "|end" : "";
    return http::HeadersStatus::StopIteration;
  }
  http::DataStatus decodeData(base::Buffer& data, bool endStream) override {
    seen += "|" + data.toString();
    seen += endStream ? "|end" : "";
    return http::DataStatus::StopIterationNoBuffer;
  }
  http::TrailersStatus decodeTrailers(http::HeaderMap& trailers) override {
    seen += "|T:";
    for (const auto& entry : trailers.entries()) {
      seen += std::string(entry.name()) + "=" + std::string(entry.value());
    }
    seen += "|end";
    return http::TrailersStatus::StopIteration;
  }

  void answer(RecordingHost& host, std::string_view body, bool endStream = true) {
    http::HeaderMapPtr headers = host.newHeaders();
    headers->setStatus(200);
    decoder->encodeHeaders(std::move(headers), body.empty() && endStream, "via_upstream");
    if (!body.empty()) {
      base::Buffer data;
      data.append(host.slab(), body);
      decoder->encodeData(data, endStream);
    }
  }
  void answerTrailers(RecordingHost& host) {
    http::HeaderMapPtr trailers = host.newHeaders();
    trailers->add("x-end", "1");
    decoder->encodeTrailers(std::move(trailers));
  }

  std::string seen;
};

// A chain with a host, some filters and a terminal filter.
class ChainTest : public testing::Test {
protected:
  ChainTest() { host.chain = &chain; }
  template <class F> F& add(std::unique_ptr<F> filter) {
    F& added = *filter;
    chain.add("test", std::move(filter), true, true);
    return added;
  }
  void finish() { terminal = &add(std::make_unique<Terminal>()); }

  void headers(bool endStream, std::string_view contentLength = {}) {
    request = host.newHeaders();
    request->add(http::HeaderId::Method, "GET");
    request->add(http::HeaderId::Path, "/");
    request->add(http::HeaderId::Authority, "a.test");
    if (!contentLength.empty()) {
      request->add(http::HeaderId::ContentLength, contentLength);
    }
    chain.decodeHeaders(*request, endStream);
  }
  void data(std::string_view bytes, bool endStream) {
    base::Buffer buffer;
    buffer.append(host.slab(), bytes);
    chain.decodeData(buffer, endStream);
  }
  void trailers() {
    http::HeaderMapPtr map = host.newHeaders();
    map->add("x-end", "1");
    chain.decodeTrailers(std::move(map));
  }
  base::Buffer bytes(std::string_view text) {
    base::Buffer buffer;
    buffer.append(host.slab(), text);
    return buffer;
  }

  RecordingHost host;
  http::HeaderMapPtr request;
  FilterChain chain{host, /*bufferLimit=*/100};
  Terminal* terminal = nullptr;
};

} // namespace moe::proxy::test
