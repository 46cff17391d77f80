#include "upstream/host.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "upstream/metadata_match.h"

namespace moe::upstream {

namespace {

template <class T> bool same(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a != nullptr && b != nullptr &&
                    google::protobuf::util::MessageDifferencer::Equals(*a, *b));
}

} // namespace

bool operator==(const Host::Description& a, const Host::Description& b) {
  return a.weight == b.weight && a.priority == b.priority && a.healthy == b.healthy &&
         a.localityWeight == b.localityWeight && same(a.locality, b.locality) &&
         same(a.metadata, b.metadata);
}

Host::Host(HostStatePtr state, Description description)
    : state_(std::move(state)), description_(std::move(description)) {
  if (description_.metadata == nullptr) {
    return;
  }
  const auto& filters = description_.metadata->filter_metadata();
  if (const auto lb = filters.find("envoy.lb"); lb != filters.end()) {
    for (const auto& [key, value] : lb->second.fields()) {
      lbMetadata_.emplace_back(key, canonicalValue(value));
    }
    std::sort(lbMetadata_.begin(), lbMetadata_.end());
  }
}

const std::string* Host::lbMetadata(std::string_view key) const {
  const auto found =
      std::lower_bound(lbMetadata_.begin(), lbMetadata_.end(), key,
                       [](const auto& entry, std::string_view k) { return entry.first < k; });
  return found == lbMetadata_.end() || found->first != key ? nullptr : &found->second;
}

} // namespace moe::upstream
