#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_set.h"
#include "base/strings.h"
#include "stats/histogram.h"
#include "stats/label.h"

namespace moe::stats {

// Only ever grows. Any thread.
class Counter {
public:
  explicit Counter(Label label) : label_(label) {}
  void inc() { add(1); }
  void add(uint64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  const Label& label() const { return label_; }

private:
  std::atomic<uint64_t> value_{0};
  Label label_;
};

// Goes up and down. Any thread.
class Gauge {
public:
  explicit Gauge(Label label) : label_(label) {}
  void inc() { value_.fetch_add(1, std::memory_order_relaxed); }
  void dec() { value_.fetch_sub(1, std::memory_order_relaxed); }
  void add(int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(int64_t n) {
    value_.store(n, std::memory_order_relaxed);
    set_.store(true, std::memory_order_relaxed);
  }
  int64_t value() const {
    const std::atomic<int64_t>* source = source_.load(std::memory_order_acquire);
    return (source != nullptr ? *source : value_).load(std::memory_order_relaxed);
  }
  // From now on the value is that of `source`, which may be counted by what outlives the store. The
  // first one counts. One thread.
  void follow(std::shared_ptr<const std::atomic<int64_t>> source) {
    if (followed_ == nullptr) {
      followed_ = std::move(source);
      source_.store(followed_.get(), std::memory_order_release);
    }
  }
  // Was set once, or is not 0 now: what "usedonly" shows.
  bool used() const { return value() != 0 || set_.load(std::memory_order_relaxed); }
  const Label& label() const { return label_; }

private:
  std::atomic<int64_t> value_{0};
  std::atomic<bool> set_{false};
  std::atomic<const std::atomic<int64_t>*> source_{nullptr};
  std::shared_ptr<const std::atomic<int64_t>> followed_;
  Label label_;
};

class Store;
class Lease;

// A prefix and tags that a library's stats share. Cheap to copy; the store outlives it.
// Making stats takes the store's lock: do it when configuration is loaded, never per request.
class Scope {
public:
  // The same name always gives the same object. References stay valid as long as the store; those
  // of a leased scope as long as one of its copies or children.
  Counter& counter(std::string_view name) const;
  // counter("ciphers", "envoy_ssl_cipher", "X") -> "ciphers.X", tag-extracted "ciphers".
  Counter& counter(std::string_view name, std::string_view tagName,
                   std::string_view tagValue) const;
  Gauge& gauge(std::string_view name) const;
  // `unit` is part of no name; values are whole numbers (milliseconds, bytes).
  Histogram& histogram(std::string_view name) const;

  // "upstream_rq" -> scope "cluster.web.upstream_rq."; no tag.
  Scope child(std::string_view part) const;
  // child("cluster", "envoy_cluster_name", "web") -> "cluster.web.", tag-extracted "cluster.".
  // A tag whose value stands alone in the name: "vhost.<value>." etc. is done by two calls.
  Scope child(std::string_view part, std::string_view tagName, std::string_view tagValue) const;
  // The same for what comes and goes, such as a cluster: its stats go with the last copy of the
  // scope, on any thread. Leasing one that somebody has gives the same stats.
  Scope leasedChild(std::string_view part, std::string_view tagName,
                    std::string_view tagValue) const;
  const std::string& prefix() const;
  Store& store() const { return *store_; }

private:
  friend class Store;
  Scope(Store& store, std::shared_ptr<Group> group, std::shared_ptr<Lease> lease)
      : store_(&store), group_(std::move(group)), lease_(std::move(lease)) {}
  Scope under(std::string_view part) const;
  template <class T> T& get(std::string_view name) const;

  Store* store_;
  std::shared_ptr<Group> group_;
  std::shared_ptr<Lease> lease_; // null: for as long as the store
};

// Owns every stat of the process. Any thread.
class Store {
public:
  Store();
  ~Store();
  Scope root() { return {*this, root_, nullptr}; }

  template <class T> using Visit = std::function<void(const std::string& name, const T& stat)>;
  // Sorted by name. Values may move meanwhile.
  void forEachCounter(const Visit<Counter>& f) const;
  void forEachGauge(const Visit<Gauge>& f) const;
  void forEachHistogram(const Visit<Histogram>& f) const;
  // Null: there is none.
  const Counter* findCounter(std::string_view name) const;
  const Gauge* findGauge(std::string_view name) const;
  const Histogram* findHistogram(std::string_view name) const;

private:
  friend class Scope;
  friend class Lease;
  std::shared_ptr<Group> group(Group made, const std::shared_ptr<Lease>& lease);
  std::shared_ptr<Lease> lease(const std::string& prefix);
  void ended(Lease& lease);
  template <class T> T& get(Group& group, std::string_view leaf);
  template <class T> const T* find(std::string_view name) const;
  template <class T> void forEach(const Visit<T>& f) const;

  mutable std::mutex mutex_;
  absl::node_hash_set<std::string> leaves_; // each name once, for all groups
  base::StringMap<std::shared_ptr<Group>> groups_;
  base::StringMap<std::weak_ptr<Lease>> leases_;
  std::shared_ptr<Group> root_;
};

} // namespace moe::stats
