#include "http/codec/http2_frames.h"

namespace moe::http {

void Http2ClosedStreams::add(int32_t id, bool resetByUs) {
  if (ring_.size() < kMost) {
    ring_.emplace_back(id, resetByUs);
    return;
  }
  ring_[next_] = {id, resetByUs};
  next_ = (next_ + 1) % kMost;
}

bool Http2FrameHeads::takeHead(std::string_view bytes, size_t& at) {
  while (size_ < wanted_) {
    if (at == bytes.size()) {
      return false;
    }
    head_[size_++] = bytes[at++];
    if (size_ == kHead) {
      payload_ = number(0) >> 8;
      if ((type() == NGHTTP2_WINDOW_UPDATE && payload_ == kWord) ||
          (type() == NGHTTP2_GOAWAY && payload_ >= 2 * kWord)) {
        wanted_ += kWord;
        payload_ -= kWord;
      }
    }
  }
  return true;
}

Http2ClosedStreams::State Http2ClosedStreams::find(int32_t id) const {
  for (const auto& [known, byUs] : ring_) {
    if (known == id) {
      return byUs ? State::ByUs : State::Ended;
    }
  }
  return ring_.size() < kMost ? State::Never : State::Unknown;
}

} // namespace moe::http
