#include "xds/delta_state.h"

#include "base/strings.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "xds/envelope.h"
#include "xds/nack.h"

namespace moe::xds {

namespace discovery = envoy::service::discovery::v3;
using google::protobuf::Message;

void DeltaState::onStreamStart() {
  answers_.clear();
  first_ = true;
}

std::unique_ptr<Message> DeltaState::newResponse() const {
  return std::make_unique<discovery::DeltaDiscoveryResponse>();
}

absl::StatusOr<Batch> DeltaState::read(Message& message) {
  auto& response = static_cast<discovery::DeltaDiscoveryResponse&>(message);
  nonce_ = response.nonce();
  if (absl::Status status = checkType(response.type_url(), typeUrl_); !status.ok()) {
    return status;
  }
  Batch batch;
  batch.version = response.system_version_info();
  batch.resources.reserve(static_cast<size_t>(response.resources_size()));
  for (int i = 0; i < response.resources_size(); ++i) {
    const std::string path = base::cat("resources[", i, "]");
    Incoming& to = batch.resources.emplace_back();
    readEnvelope(*response.mutable_resources(i), typeUrl_, path, to);
    if (to.name.empty()) {
      if (to.error.empty()) {
        to.error = base::cat(path, ".name: found none, expected the resource's name");
      }
      to.name = path; // for the answer only
    }
  }
  batch.removed.assign(response.removed_resources().begin(), response.removed_resources().end());
  for (const discovery::ResourceName& name : response.removed_resource_names()) {
    batch.removed.push_back(name.name());
  }
  if (absl::Status status = checkNames(batch); !status.ok()) {
    return status;
  }
  readErrors(response.resource_errors(), batch);
  return batch;
}

void DeltaState::answer(std::string nack) {
  answers_.push_back({std::move(nonce_), std::move(nack)});
  nonce_.clear();
}

bool DeltaState::hasNext(const Interest& interest) const {
  return !answers_.empty() || interest.changed() || (first_ && !interest.empty());
}

DiscoveryState::Next DeltaState::next(Interest& interest, const Versions& versions) {
  Next next;
  next.changes = interest.take();
  if (first_ ? interest.empty() : answers_.empty() && next.changes.empty()) {
    return next;
  }
  auto request = std::make_unique<discovery::DeltaDiscoveryRequest>();
  request->set_type_url(typeUrl_);
  if (first_) {
    first_ = false;
    for (auto& [name, version] : versions()) {
      (*request->mutable_initial_resource_versions())[name] = std::move(version);
    }
    // A first request that subscribes to nothing means everything; beside names that must be said.
    if (interest.wildcard() && !interest.names().empty()) {
      request->add_resource_names_subscribe("*");
    }
    for (const std::string& name : interest.names()) {
      request->add_resource_names_subscribe(name);
    }
  } else {
    if (next.changes.wildcardAdded) {
      request->add_resource_names_subscribe("*");
    }
    if (next.changes.wildcardRemoved) {
      request->add_resource_names_unsubscribe("*");
    }
    for (const std::string& name : next.changes.added) {
      request->add_resource_names_subscribe(name);
    }
    for (const std::string& name : next.changes.removed) {
      request->add_resource_names_unsubscribe(name);
    }
  }
  if (!answers_.empty()) {
    request->set_response_nonce(answers_.front().nonce);
    if (!answers_.front().nack.empty()) {
      request->mutable_error_detail()->set_code(kNackCode);
      request->mutable_error_detail()->set_message(answers_.front().nack);
    }
    answers_.pop_front();
  }
  next.request = std::move(request);
  return next;
}

std::unique_ptr<DiscoveryState> createDeltaState(std::string typeUrl) {
  return std::make_unique<DeltaState>(std::move(typeUrl));
}

} // namespace moe::xds
