#include "golang/request.h"

#include "golang/filter.h"

namespace moe::golang {

void InfoSnapshot::update(const http::StreamInfo& from) {
  routeName = from.routeName;
  filterChainName = from.filterChainName;
  upstreamCluster = from.upstreamCluster;
  virtualClusterName = from.virtualClusterName;
  if (responseCodeDetails != from.responseCodeDetails) {
    responseCodeDetails = from.responseCodeDetails;
  }
  if (upstreamLocal != from.upstreamLocal) {
    upstreamLocal = from.upstreamLocal;
  }
  if (upstreamRemote != from.upstreamRemote) {
    upstreamRemote = from.upstreamRemote;
  }
  downstreamLocal = from.downstreamLocal.get();
  downstreamRemote = from.downstreamRemote.get();
  if (from.protocolKnown) {
    protocol = static_cast<uint64_t>(from.protocol);
  }
  responseCode = from.responseCode;
  attemptCount = from.attemptCount;
}

Request::Request(Filter& stream, event::Worker& worker, std::shared_ptr<PluginIdentity> plugin,
                 uint64_t config)
    : filter(&stream), plugin_(std::move(plugin)), loop_(worker.loop),
      workerThread_(pthread_self()) {
  pluginName = {plugin_->name.data(), plugin_->name.size()};
  plugin_->live.fetch_add(1, std::memory_order_relaxed);
  configId = config;
  workerId = worker.index;
  isProcessingLog.store(0, std::memory_order_relaxed);
  decode.request = this;
  decode.isEncoding = 0;
  decode.state = abi::kWaitingHeaders;
  encode.request = this;
  encode.isEncoding = 1;
  encode.state = abi::kWaitingHeaders;
}

Request::~Request() { plugin_->live.fetch_sub(1, std::memory_order_relaxed); }

void Request::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    std::unique_ptr<Request>(this); // made by make_unique in Filter
  }
}

bool Request::entered() {
  inCall_ = true;
  return answerQuestion();
}

void Request::hand(std::string text, uint64_t* data, int* size) {
  value_ = std::move(text);
  *data = reinterpret_cast<uint64_t>(value_.data());
  *size = static_cast<int>(value_.size());
}

// Also on a goroutine's thread while the worker is inside Go: it changes metadata under the mutex
// only then.
std::string Request::serializedMetadata(std::string_view name) const {
  google::protobuf::Struct merged;
  if (const http::Metadata* metadata = filter->streamInfo().dynamicMetadataOrNull()) {
    if (const auto found = metadata->find(name); found != metadata->end()) {
      merged = found->second;
    }
  }
  for (const MetadataEntry& entry : newMetadata_) {
    if (entry.name == name) {
      (*merged.mutable_fields())[entry.key] = entry.value;
    }
  }
  return merged.SerializeAsString();
}

abi::Status Request::metadata(std::string_view name, uint64_t* data, int* size) {
  if (onWorker() || inCall_) {
    hand(serializedMetadata(name), data, size);
    return abi::kOk;
  }
  question_ = Question{std::string(name), data, size};
  postRun([this](Filter& stream) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex);
      wake = answerQuestion();
    }
    if (wake) {
      stream.go().semaDec(this);
    }
  });
  return abi::kYield;
}

bool Request::answerQuestion() {
  if (!question_.has_value()) {
    return false;
  }
  hand(serializedMetadata(question_->name), question_->data, question_->size);
  question_.reset();
  return true;
}

void Request::setMetadata(std::string name, std::string key, google::protobuf::Value value) {
  newMetadata_.push_back({std::move(name), std::move(key), std::move(value)});
  if (onWorker()) {
    takeMetadata();
  } else {
    postEdit([this] { takeMetadata(); });
  }
}

void Request::takeMetadata() {
  http::Metadata& metadata = filter->streamInfo().dynamicMetadata();
  for (MetadataEntry& entry : newMetadata_) {
    (*metadata[entry.name].mutable_fields())[entry.key] = std::move(entry.value);
  }
  newMetadata_.clear();
}

void Request::postTask(event::Task task) { loop_.post(std::move(task)); }

} // namespace moe::golang
