#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tls/trust.h"

namespace moe::tls {

// Objects by what they were made from, as long as somebody uses them. Main thread.
template <class T> using Shared = std::map<Digest, std::weak_ptr<const T>>;

// The object of `key` that is still in use, or what `make` makes.
template <class T, class Make>
absl::StatusOr<std::shared_ptr<const T>> shareOr(Shared<T>& shared, const Digest& key, Make make) {
  if (const auto found = shared.find(key); found != shared.end()) {
    if (std::shared_ptr<const T> present = found->second.lock()) {
      return present;
    }
  }
  absl::StatusOr<std::shared_ptr<const T>> made = make();
  if (made.ok()) {
    std::erase_if(shared, [](const auto& entry) { return entry.second.expired(); });
    shared[key] = *made;
  }
  return made;
}

} // namespace moe::tls
