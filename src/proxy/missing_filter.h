#pragma once

#include "http/filter.h"

namespace moe::proxy {

// Stands where a filter's configuration has not come (ECDS) and there is no default: what it would
// have checked is not known, so the request is answered with 500.
class MissingFilter final : public http::StreamFilter {
public:
  void setDecoderCallbacks(http::DecoderFilterCallbacks& callbacks) override {
    callbacks_ = &callbacks;
  }
  void setEncoderCallbacks(http::EncoderFilterCallbacks& /*callbacks*/) override {}
  http::HeadersStatus decodeHeaders(http::HeaderMap& /*headers*/, bool /*endStream*/) override {
    callbacks_->streamInfo().setFlag(http::ResponseFlag::NoFilterConfigFound);
    callbacks_->sendLocalReply({.status = 500, .details = "filter_config_not_found"});
    return http::HeadersStatus::StopIteration;
  }
  void onDestroy() override {}

private:
  http::DecoderFilterCallbacks* callbacks_ = nullptr;
};

} // namespace moe::proxy
