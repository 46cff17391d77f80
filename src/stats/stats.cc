#include "stats/stats.h"

#include <algorithm>

#include "base/strings.h"
#include "stats/group.h"

namespace moe::stats {

Identity Label::identity() const {
  return Identity{base::cat(group->prefix, *leaf), base::cat(group->tagExtracted, *leaf),
                  group->tags};
}

const std::string& Scope::prefix() const { return group_->prefix; }

// "a.b.c" is "c" in the scope "a.b.", whoever asks, so that a name is one stat.
template <class T> T& Scope::get(std::string_view name) const {
  if (const size_t dot = name.rfind('.'); dot != std::string_view::npos) {
    return under(name.substr(0, dot + 1)).get<T>(name.substr(dot + 1));
  }
  return store_->get<T>(*group_, name);
}

Counter& Scope::counter(std::string_view name) const { return get<Counter>(name); }
Counter& Scope::counter(std::string_view name, std::string_view tagName,
                        std::string_view tagValue) const {
  std::vector<Tag> tags = group_->tags;
  tags.push_back({std::string(tagName), std::string(tagValue)});
  // The value ends the name: a group of its own, whose stat adds nothing to it.
  const std::shared_ptr<Group> group =
      store_->group(Group{base::cat(group_->prefix, name, ".", tagValue),
                          base::cat(group_->tagExtracted, name), std::move(tags)},
                    lease_);
  return store_->get<Counter>(*group, "");
}
Gauge& Scope::gauge(std::string_view name) const { return get<Gauge>(name); }
Histogram& Scope::histogram(std::string_view name) const { return get<Histogram>(name); }

Scope Scope::under(std::string_view part) const {
  return {*store_,
          store_->group(Group{base::cat(group_->prefix, part),
                              base::cat(group_->tagExtracted, part), group_->tags},
                        lease_),
          lease_};
}

Scope Scope::child(std::string_view part) const { return under(base::cat(part, ".")); }

Scope Scope::child(std::string_view part, std::string_view tagName,
                   std::string_view tagValue) const {
  std::vector<Tag> tags = group_->tags;
  tags.push_back({std::string(tagName), std::string(tagValue)});
  return {*store_,
          store_->group(Group{base::cat(group_->prefix, part, ".", tagValue, "."),
                              base::cat(group_->tagExtracted, part, "."), std::move(tags)},
                        lease_),
          lease_};
}

Scope Scope::leasedChild(std::string_view part, std::string_view tagName,
                         std::string_view tagValue) const {
  return Scope(*store_, group_, store_->lease(base::cat(group_->prefix, part, ".", tagValue, ".")))
      .child(part, tagName, tagValue);
}

Store::Store() : root_(group(Group{}, nullptr)) {}
Store::~Store() = default;

std::shared_ptr<Group> Store::group(Group made, const std::shared_ptr<Lease>& lease) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<Group>& found = groups_[made.prefix];
  if (found == nullptr) {
    found = std::make_shared<Group>(std::move(made));
  } else if (lease == nullptr || found->owner == nullptr || found->owner == lease.get()) {
    return found;
  }
  // New, or of a lease that has just ended.
  found->owner = lease.get();
  if (lease != nullptr) {
    lease->groups_.push_back(found);
  }
  return found;
}

std::shared_ptr<Lease> Store::lease(const std::string& prefix) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<Lease>& known = leases_[prefix];
  std::shared_ptr<Lease> lease = known.lock();
  if (lease == nullptr) {
    lease = std::make_shared<Lease>(*this, prefix);
    known = lease;
  }
  return lease;
}

void Store::ended(Lease& lease) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::shared_ptr<Group>& group : lease.groups_) {
    if (group->owner == &lease) { // else somebody has leased it anew
      groups_.erase(group->prefix);
    }
  }
  if (const auto known = leases_.find(lease.prefix_);
      known != leases_.end() && known->second.expired()) {
    leases_.erase(known);
  }
}

template <class T> T& Store::get(Group& group, std::string_view leaf) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string* const name = &*leaves_.insert(std::string(leaf)).first;
  auto& stats = std::get<Group::Stats<T>>(group.stats);
  if (stats == nullptr) {
    stats = std::make_unique<std::deque<T>>();
  }
  for (T& stat : *stats) {
    if (stat.label().leaf == name) {
      return stat;
    }
  }
  return stats->emplace_back(Label{&group, name});
}

template <class T> const T* Store::find(std::string_view name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t dot = name.rfind('.');
  // In its scope, or as the value of a tag, which has a group of its own.
  for (const size_t length : {dot == std::string_view::npos ? 0 : dot + 1, name.size()}) {
    const auto group = groups_.find(name.substr(0, length));
    if (group == groups_.end()) {
      continue;
    }
    if (const auto& stats = std::get<Group::Stats<T>>(group->second->stats)) {
      for (const T& stat : *stats) {
        if (*stat.label().leaf == name.substr(length)) {
          return &stat;
        }
      }
    }
  }
  return nullptr;
}

template <class T> void Store::forEach(const Visit<T>& f) const {
  std::vector<std::shared_ptr<const Group>> held; // what is visited may end meanwhile
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    held.reserve(groups_.size());
    for (const auto& [prefix, group] : groups_) {
      held.push_back(group);
    }
  }
  std::vector<const T*> found;
  std::vector<std::pair<std::string, const T*>> sorted;
  for (const auto& group : held) {
    found.clear();
    {
      const std::lock_guard<std::mutex> lock(mutex_); // for a moment: workers may wait for it
      if (const auto& stats = std::get<Group::Stats<T>>(group->stats)) {
        for (const T& stat : *stats) {
          found.push_back(&stat);
        }
      }
    }
    for (const T* stat : found) {
      sorted.emplace_back(base::cat(group->prefix, *stat->label().leaf), stat);
    }
  }
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [name, stat] : sorted) {
    f(name, *stat);
  }
}

void Store::forEachCounter(const Visit<Counter>& f) const { forEach(f); }
void Store::forEachGauge(const Visit<Gauge>& f) const { forEach(f); }
void Store::forEachHistogram(const Visit<Histogram>& f) const { forEach(f); }
const Counter* Store::findCounter(std::string_view name) const { return find<Counter>(name); }
const Gauge* Store::findGauge(std::string_view name) const { return find<Gauge>(name); }
const Histogram* Store::findHistogram(std::string_view name) const { return find<Histogram>(name); }

} // namespace moe::stats
