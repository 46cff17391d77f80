#include "xds/sotw_state.h"

#include "base/strings.h"
#include "config/typed_config.h"
#include "xds/envelope.h"
#include "xds/nack.h"
#include "xds/resource_name.h"
#include "xds/type_urls.h"

namespace moe::xds {

namespace discovery = envoy::service::discovery::v3;
using google::protobuf::Message;

void SotwState::onStreamStart() {
  nonce_.clear();
  nack_.clear();
  first_ = true;
  answering_ = false;
  namesTold_ = false;
}

std::unique_ptr<Message> SotwState::newResponse() const {
  return std::make_unique<discovery::DiscoveryResponse>();
}

absl::StatusOr<Batch> SotwState::read(Message& message) {
  auto& response = static_cast<discovery::DiscoveryResponse&>(message);
  nonce_ = response.nonce();
  received_ = response.version_info();
  envelopes_.clear();
  if (absl::Status status = checkType(response.type_url(), typeUrl_); !status.ok()) {
    return status;
  }
  Batch batch;
  batch.version = response.version_info();
  batch.complete = isWholeInEveryResponse(typeUrl_);
  batch.heartbeatsByName = true;
  batch.resources.reserve(static_cast<size_t>(response.resources_size()));
  for (int i = 0; i < response.resources_size(); ++i) {
    if (absl::Status status =
            readResource(*response.mutable_resources(i), static_cast<size_t>(i), batch);
        !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = checkNames(batch); !status.ok()) {
    return status;
  }
  readErrors(response.resource_errors(), batch);
  return batch;
}

absl::Status SotwState::readResource(google::protobuf::Any& any, size_t index, Batch& batch) {
  const std::string path = base::cat("resources[", index, "]");
  Incoming& to = batch.resources.emplace_back();
  if (config::typeNameOf(any.type_url()) == config::typeNameOf(kResourceType)) {
    auto envelope = std::make_unique<discovery::Resource>();
    if (!envelope->ParseFromString(any.value())) {
      return config::fieldError(config::FieldPath(path), "bytes that do not parse",
                                config::typeNameOf(kResourceType));
    }
    readEnvelope(*envelope, typeUrl_, path, to);
    envelopes_.push_back(std::move(envelope));
  } else {
    to.body = &any;
    to.error = wrongBodyType(any, typeUrl_, path);
  }
  to.version = batch.version;
  if (to.name.empty() && to.error.empty() && to.body != nullptr) {
    if (auto name = resourceName(*to.body); name.ok()) {
      to.name = std::move(*name);
    } else {
      to.error = base::cat(path, ": ", base::message(name.status()));
    }
  }
  if (to.name.empty()) {
    if (to.error.empty()) {
      to.error = base::cat(path, ": found a resource without a name, expected one with a name");
    }
    to.name = path; // for the answer only
    // It may be any of those that are missing: none of them is known to be gone.
    batch.complete = false;
  }
  return absl::OkStatus();
}

void SotwState::answer(std::string nack) {
  if (nack.empty()) {
    version_ = received_;
  }
  nack_ = std::move(nack);
  answering_ = true;
  envelopes_.clear();
}

bool SotwState::hasNext(const Interest& interest) const {
  return answering_ || interest.changed() || (first_ && !interest.empty());
}

DiscoveryState::Next SotwState::next(Interest& interest, const Versions& /*versions*/) {
  Next next;
  next.changes = interest.take();
  if (!first_ && !answering_ && next.changes.empty()) {
    return next;
  }
  if (interest.empty() && !namesTold_ && !answering_) {
    // Before any name was told, an empty list asks for everything. What asked for everything that
    // way cannot take it back.
    return next;
  }
  auto request = std::make_unique<discovery::DiscoveryRequest>();
  request->set_type_url(typeUrl_);
  request->set_version_info(version_);
  request->set_response_nonce(nonce_);
  if (interest.wildcard() && (namesTold_ || !interest.names().empty())) {
    request->add_resource_names("*");
  }
  for (const std::string& name : interest.names()) {
    request->add_resource_names(name);
  }
  namesTold_ = namesTold_ || request->resource_names_size() > 0;
  if (answering_ && !nack_.empty()) {
    request->mutable_error_detail()->set_code(kNackCode);
    request->mutable_error_detail()->set_message(nack_);
  }
  first_ = false;
  answering_ = false;
  nack_.clear();
  next.request = std::move(request);
  return next;
}

std::unique_ptr<DiscoveryState> createSotwState(std::string typeUrl) {
  return std::make_unique<SotwState>(std::move(typeUrl));
}

} // namespace moe::xds
