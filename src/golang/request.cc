#include "golang/request.h"

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

void Request::postTask(event::Task task) { loop_.post(std::move(task)); }

} // namespace moe::golang
