#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/strings.h"
#include "envoy/config/core/v3/base.pb.h"
#include "event/loop.h"
#include "stats/stats.h"
#include "xds/stream.h"
#include "xds/subscription.h"
#include "xds/token_bucket.h"

namespace moe::xds {

// Several subscriptions over one stream (ADS), or one type over a stream of its own. What changes
// during a turn of the loop goes out at its end, one request for each type; after reconnecting in
// the order of requestRank(). Main thread.
class Mux final : public StreamEvents, private event::Flushable {
public:
  struct Options {
    event::Loop& loop;
    bool delta = false;
    envoy::config::core::v3::Node node;
    bool nodeOnFirstMessageOnly = false; // set_node_on_first_message_only
    std::optional<TokenBucket::Options> rateLimit;
    stats::Scope scope; // of control_plane.*: the root for ADS
    base::LoggerPtr logger;
  };
  Mux(Options options, std::unique_ptr<Stream> stream);
  ~Mux() override;

  // Begins to connect.
  void start();

  // The subscription of a type, made at the first call; later ones must bring the same consumer.
  // `consumer` and `stats` (may be null) outlive the mux. Borrowed from the mux.
  Subscription& subscribe(std::string_view typeUrl, Consumer& consumer, SubscriptionStats* stats);
  Subscription* find(std::string_view typeUrl);
  // Gives up all resources; before an end that leaves their consumers behind.
  void close();

  // Holds back the requests of a type, answers included, while it lives; they are gathered. For
  // whoever makes many changes over several turns. Outlived by the mux.
  class Pause {
  public:
    Pause(Mux& mux, std::string_view typeUrl);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

  private:
    Mux& mux_;
    std::string typeUrl_;
  };
  std::unique_ptr<Pause> pause(std::string_view typeUrl);

  bool connected() const { return connected_; }
  // control_plane.identifier, as told by the last response (a text readout in Envoy).
  const std::string& controlPlane() const { return controlPlane_; }
  const stats::Scope& scope() const { return options_.scope; }

  // StreamEvents.
  void onStreamStart() override;
  void onResponse(std::unique_ptr<google::protobuf::Message> response) override;
  void onReady() override;
  void onStreamEnd(const absl::Status& status) override;

private:
  struct Type {
    std::string typeUrl;
    std::unique_ptr<Subscription> subscription;
    int paused = 0;
  };
  Type* typeOf(std::string_view typeUrl);
  void flush() override;
  void sendPending();
  // False: no token now; comes back by itself.
  bool takeToken();
  void send(google::protobuf::Message& request, std::unique_ptr<google::protobuf::Message> owned);
  void readMore();
  size_t pending() const;

  // A control plane that answers faster than it is answered waits.
  static constexpr size_t kMaxUnanswered = 8;

  Options options_;
  std::vector<std::unique_ptr<Type>> types_; // in the order of requests
  bool connected_ = false;
  bool nodeSent_ = false;
  bool readHeld_ = false; // a response has been worked on and the next was not asked for
  std::string controlPlane_;
  std::string lastEnd_; // why the stream ended last, if nothing has come since
  std::optional<TokenBucket> bucket_;
  std::unique_ptr<event::Timer> tokenTimer_;
  stats::Gauge& connectedState_;
  stats::Gauge& pendingRequests_;
  stats::Counter& rateLimited_;
  std::unique_ptr<Stream> stream_; // Last: ends before what it tells.
};

} // namespace moe::xds
