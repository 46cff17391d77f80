#include "xds/mux.h"

#include <algorithm>

#include "config/typed_config.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "xds/type_urls.h"

namespace moe::xds {

namespace discovery = envoy::service::discovery::v3;
using google::protobuf::Message;

Mux::Mux(Options options, std::unique_ptr<Stream> stream)
    : options_(std::move(options)),
      connectedState_(options_.scope.child("control_plane").gauge("connected_state")),
      pendingRequests_(options_.scope.child("control_plane").gauge("pending_requests")),
      rateLimited_(options_.scope.child("control_plane").counter("rate_limit_enforced")),
      stream_(std::move(stream)) {
  if (options_.rateLimit) {
    bucket_.emplace(*options_.rateLimit, options_.loop.nowMs());
    tokenTimer_ = options_.loop.createTimer([this] { sendPending(); });
  }
  connectedState_.set(0);
}

Mux::~Mux() = default;

void Mux::start() { stream_->start(*this); }

Mux::Type* Mux::typeOf(std::string_view typeUrl) {
  for (const auto& type : types_) {
    if (config::typeNameOf(type->typeUrl) == config::typeNameOf(typeUrl)) {
      return type.get();
    }
  }
  return nullptr;
}

Subscription* Mux::find(std::string_view typeUrl) {
  Type* type = typeOf(typeUrl);
  return type == nullptr ? nullptr : type->subscription.get();
}

Subscription& Mux::subscribe(std::string_view typeUrl, Consumer& consumer,
                             SubscriptionStats* stats) {
  if (Type* type = typeOf(typeUrl); type != nullptr) {
    return *type->subscription;
  }
  auto type = std::make_unique<Type>();
  type->typeUrl = typeUrl;
  type->subscription = std::make_unique<Subscription>(Subscription::Options{
      .typeUrl = type->typeUrl,
      .loop = options_.loop,
      .consumer = consumer,
      .state = options_.delta ? createDeltaState(type->typeUrl) : createSotwState(type->typeUrl),
      .logger = options_.logger,
      .stats = stats,
      .wake = [this] { options_.loop.flushLater(*this); }});
  const auto at = std::upper_bound(
      types_.begin(), types_.end(), requestRank(typeUrl),
      [](int rank, const auto& other) { return rank < requestRank(other->typeUrl); });
  return *(*types_.insert(at, std::move(type)))->subscription;
}

void Mux::close() {
  for (const auto& type : types_) {
    type->subscription->close();
  }
}

Mux::Pause::Pause(Mux& mux, std::string_view typeUrl) : mux_(mux), typeUrl_(typeUrl) {
  if (Type* type = mux_.typeOf(typeUrl_); type != nullptr) {
    ++type->paused;
  } else {
    typeUrl_.clear(); // nothing to resume
  }
}

Mux::Pause::~Pause() {
  if (Type* type = typeUrl_.empty() ? nullptr : mux_.typeOf(typeUrl_);
      type != nullptr && --type->paused == 0) {
    mux_.options_.loop.flushLater(mux_);
  }
}

std::unique_ptr<Mux::Pause> Mux::pause(std::string_view typeUrl) {
  return std::make_unique<Pause>(*this, typeUrl);
}

void Mux::onStreamStart() {
  connected_ = true;
  nodeSent_ = false;
  readHeld_ = false;
  connectedState_.set(1);
  for (const auto& type : types_) {
    type->subscription->onStreamStart();
  }
  sendPending();
}

void Mux::onStreamEnd(const absl::Status& status) {
  connected_ = false;
  readHeld_ = false;
  connectedState_.set(0);
  if (std::string text(base::message(status)); text != lastEnd_) {
    MOE_LOG(*options_.logger, warn, "xds: the stream has ended: {}", text);
    lastEnd_ = std::move(text);
  } // the same end again and again is told once
  for (const auto& type : types_) {
    type->subscription->onStreamFailure();
  }
}

void Mux::onReady() { sendPending(); }

void Mux::onResponse(std::unique_ptr<Message> response) {
  lastEnd_.clear();
  std::string typeUrl;
  const envoy::config::core::v3::ControlPlane* from = nullptr;
  if (options_.delta) {
    auto& delta = static_cast<discovery::DeltaDiscoveryResponse&>(*response);
    typeUrl = delta.type_url();
    from = delta.has_control_plane() ? &delta.control_plane() : nullptr;
  } else {
    auto& sotw = static_cast<discovery::DiscoveryResponse&>(*response);
    typeUrl = sotw.type_url();
    from = sotw.has_control_plane() ? &sotw.control_plane() : nullptr;
  }
  if (from != nullptr) {
    controlPlane_ = from->identifier();
  }
  Type* type = typeOf(typeUrl);
  if (type == nullptr && typeUrl.empty() && types_.size() == 1) {
    type = types_.front().get();
  }
  if (type == nullptr) {
    MOE_LOG(*options_.logger, warn, "xds: a response of type \"{}\", which nobody has asked for",
            typeUrl);
  } else {
    type->subscription->onResponse(*response);
  }
  readHeld_ = true;
  readMore();
}

void Mux::readMore() {
  if (readHeld_ && std::none_of(types_.begin(), types_.end(), [](const auto& type) {
        return type->subscription->unanswered() > kMaxUnanswered;
      })) {
    readHeld_ = false;
    stream_->readMore();
  }
}

void Mux::flush() {
  if (!connected_) {
    for (size_t i = 0; i < types_.size(); ++i) { // a consumer may subscribe to more
      types_[i]->subscription->settle();
    }
    return;
  }
  sendPending();
}

size_t Mux::pending() const {
  return static_cast<size_t>(std::count_if(types_.begin(), types_.end(), [](const auto& type) {
    return type->paused == 0 && type->subscription->hasNext();
  }));
}

bool Mux::takeToken() {
  if (!bucket_) {
    return true;
  }
  if (bucket_->take(options_.loop.nowMs())) {
    return true;
  }
  rateLimited_.inc();
  if (!tokenTimer_->enabled()) {
    tokenTimer_->enable(bucket_->untilNext());
  }
  return false;
}

void Mux::sendPending() {
  // One that has nothing to say after all is asked once: hasNext() may promise too much.
  for (size_t i = 0; connected_ && stream_->ready() && i < types_.size();) {
    Type& type = *types_[i];
    if (type.paused > 0 || !type.subscription->hasNext()) {
      ++i;
      continue;
    }
    if (!takeToken()) {
      break;
    }
    std::unique_ptr<Message> request = type.subscription->next();
    if (request == nullptr) {
      ++i;
      continue;
    }
    Message& message = *request;
    send(message, std::move(request));
    i = 0; // what goes first goes first
  }
  if (bucket_) {
    pendingRequests_.set(static_cast<int64_t>(connected_ ? pending() : 0));
  }
  readMore();
}

void Mux::send(Message& request, std::unique_ptr<Message> owned) {
  if (!nodeSent_ || !options_.nodeOnFirstMessageOnly) {
    if (options_.delta) {
      *static_cast<discovery::DeltaDiscoveryRequest&>(request).mutable_node() = options_.node;
    } else {
      *static_cast<discovery::DiscoveryRequest&>(request).mutable_node() = options_.node;
    }
    nodeSent_ = true;
  }
  stream_->send(std::move(owned));
}

} // namespace moe::xds
