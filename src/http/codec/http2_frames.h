#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

// What moe sees of frames before nghttp2 does.
namespace moe::http {

// Follows the heads of frames (RFC 9113 section 4.1) in bytes as they come; of WINDOW_UPDATE the
// increment too, of GOAWAY the last stream.
class Http2FrameHeads {
public:
  // A server's input begins with the preface.
  explicit Http2FrameHeads(uint32_t prefaceSize) : payload_(prefaceSize) {}
  // Moves `at` behind the payload that is left; false if none was, or a head is being taken.
  bool skip(size_t end, size_t& at) {
    const size_t step = size_ > 0 ? 0 : std::min<size_t>(payload_, end - at);
    payload_ -= static_cast<uint32_t>(step);
    at += step;
    return step > 0;
  }
  // Bytes of a head that has not come whole.
  size_t held() const { return size_; }
  // Moves `at` behind the head; false if its end is still to come.
  bool takeHead(std::string_view bytes, size_t& at);
  // The next one begins.
  void headDone() {
    size_ = 0;
    wanted_ = kHead;
  }

  // Of the head just taken.
  std::string_view head() const { return {head_.data(), size_}; }
  uint8_t type() const { return static_cast<uint8_t>(head_[3]); }
  int32_t streamId() const { return static_cast<int32_t>(number(5) & 0x7fffffff); }
  bool hasIncrement() const { return size_ == kHead + kWord; }
  int32_t increment() const { return static_cast<int32_t>(number(9) & 0x7fffffff); }
  // Only servers check these; see Http2Session::frameBegun().
  bool matters(bool server) const {
    return server &&
           (type() == NGHTTP2_DATA || type() == NGHTTP2_HEADERS || type() == NGHTTP2_PRIORITY ||
            type() == NGHTTP2_WINDOW_UPDATE || type() == NGHTTP2_GOAWAY);
  }
  // Makes head() name stream 0 as a GOAWAY's last one.
  void clearLastStream() {
    if (size_ == kHead + kWord) {
      std::fill(head_.begin() + kHead, head_.end(), '\0');
    }
  }

private:
  static constexpr size_t kHead = 9;
  static constexpr uint32_t kWord = 4;
  uint32_t number(size_t at) const {
    uint32_t out = 0;
    for (size_t i = at; i < at + 4; ++i) {
      out = out << 8 | static_cast<uint8_t>(head_[i]);
    }
    return out;
  }
  std::array<char, kHead + kWord> head_{};
  size_t size_ = 0;
  size_t wanted_ = kHead;
  uint32_t payload_; // still to come
};

// The streams that were closed last. nghttp2 forgets them, and then takes frames on them in
// silence.
class Http2ClosedStreams {
public:
  enum class State { Unknown, Never, ByUs, Ended };
  void add(int32_t id, bool resetByUs);
  // Of a stream that is not open. Never: it was skipped when a later one was opened.
  State find(int32_t id) const;

private:
  static constexpr size_t kMost = 128;
  std::vector<std::pair<int32_t, bool>> ring_;
  size_t next_ = 0;
};

} // namespace moe::http
