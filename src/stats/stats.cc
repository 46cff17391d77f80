#include "stats/stats.h"

#include <algorithm>

#include "base/strings.h"

namespace moe::stats {

Identity Scope::identity(std::string_view name) const {
  return Identity{base::cat(prefix_, name), base::cat(tagExtracted_, name), tags_};
}

Counter& Scope::counter(std::string_view name) const { return store_->counter(identity(name)); }
Gauge& Scope::gauge(std::string_view name) const { return store_->gauge(identity(name)); }
Histogram& Scope::histogram(std::string_view name) const {
  return store_->histogram(identity(name));
}

Scope Scope::child(std::string_view part) const {
  return Scope(*store_, base::cat(prefix_, part, "."), base::cat(tagExtracted_, part, "."), tags_);
}

Scope Scope::child(std::string_view part, std::string_view tagName,
                   std::string_view tagValue) const {
  std::vector<Tag> tags = tags_;
  tags.push_back({std::string(tagName), std::string(tagValue)});
  return Scope(*store_, base::cat(prefix_, part, ".", tagValue, "."),
               base::cat(tagExtracted_, part, "."), std::move(tags));
}

template <class T> T& Store::get(Kind<T>& kind, Identity identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (auto found = kind.byName.find(identity.name); found != kind.byName.end()) {
    return *found->second;
  }
  T& made = kind.owned.emplace_back(std::move(identity));
  kind.byName.emplace(made.identity().name, &made);
  return made;
}

template <class T> const T* Store::find(const Kind<T>& kind, std::string_view name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = kind.byName.find(name);
  return found == kind.byName.end() ? nullptr : found->second;
}

template <class T>
void Store::forEach(const Kind<T>& kind, const std::function<void(const T&)>& f) const {
  std::vector<const T*> sorted;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    sorted.reserve(kind.owned.size());
    for (const T& stat : kind.owned) {
      sorted.push_back(&stat);
    }
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const T* a, const T* b) { return a->identity().name < b->identity().name; });
  for (const T* stat : sorted) {
    f(*stat);
  }
}

Counter& Store::counter(Identity identity) { return get(counters_, std::move(identity)); }
Gauge& Store::gauge(Identity identity) { return get(gauges_, std::move(identity)); }
Histogram& Store::histogram(Identity identity) { return get(histograms_, std::move(identity)); }

void Store::forEachCounter(const std::function<void(const Counter&)>& f) const {
  forEach(counters_, f);
}
void Store::forEachGauge(const std::function<void(const Gauge&)>& f) const { forEach(gauges_, f); }
void Store::forEachHistogram(const std::function<void(const Histogram&)>& f) const {
  forEach(histograms_, f);
}
const Counter* Store::findCounter(std::string_view name) const { return find(counters_, name); }
const Gauge* Store::findGauge(std::string_view name) const { return find(gauges_, name); }
const Histogram* Store::findHistogram(std::string_view name) const {
  return find(histograms_, name);
}

} // namespace moe::stats
