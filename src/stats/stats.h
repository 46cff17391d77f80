#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "stats/histogram.h"

namespace moe::stats {

// A label of the Prometheus text, such as envoy_cluster_name="web".
struct Tag {
  std::string name;
  std::string value;
};

// What every stat is called: `name` in the flat form of /stats ("cluster.web.upstream_rq_total");
// `tagExtractedName` is the same without the tags' values ("cluster.upstream_rq_total"), from which
// /stats/prometheus makes "envoy_cluster_upstream_rq_total".
struct Identity {
  std::string name;
  std::string tagExtractedName;
  std::vector<Tag> tags;
};

// Only ever grows. Any thread.
class Counter {
public:
  explicit Counter(Identity identity) : identity_(std::move(identity)) {}
  void inc() { add(1); }
  void add(uint64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  const Identity& identity() const { return identity_; }

private:
  std::atomic<uint64_t> value_{0};
  Identity identity_;
};

// Goes up and down. Any thread.
class Gauge {
public:
  explicit Gauge(Identity identity) : identity_(std::move(identity)) {}
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
  const Identity& identity() const { return identity_; }

private:
  std::atomic<int64_t> value_{0};
  std::atomic<bool> set_{false};
  std::atomic<const std::atomic<int64_t>*> source_{nullptr};
  std::shared_ptr<const std::atomic<int64_t>> followed_;
  Identity identity_;
};

class Store;

// A prefix and tags that a library's stats share. Cheap to copy; the store outlives it.
// Making stats takes the store's lock: do it when configuration is loaded, never per request.
class Scope {
public:
  Scope(Store& store, std::string prefix, std::string tagExtractedPrefix, std::vector<Tag> tags)
      : store_(&store), prefix_(std::move(prefix)), tagExtracted_(std::move(tagExtractedPrefix)),
        tags_(std::move(tags)) {}

  // The same name always gives the same object. References stay valid as long as the store.
  Counter& counter(std::string_view name) const;
  Gauge& gauge(std::string_view name) const;
  // `unit` is part of no name; values are whole numbers (milliseconds, bytes).
  Histogram& histogram(std::string_view name) const;

  // "upstream_rq" -> scope "cluster.web.upstream_rq."; no tag.
  Scope child(std::string_view part) const;
  // child("cluster", "envoy_cluster_name", "web") -> "cluster.web.", tag-extracted "cluster.".
  Scope child(std::string_view part, std::string_view tagName, std::string_view tagValue) const;
  // A tag whose value stands alone in the name: "vhost.<value>." etc. is done by two calls.
  const std::string& prefix() const { return prefix_; }
  Store& store() const { return *store_; }

private:
  Identity identity(std::string_view name) const;
  Store* store_;
  std::string prefix_;
  std::string tagExtracted_;
  std::vector<Tag> tags_;
};

// Owns every stat of the process. Any thread.
class Store {
public:
  Scope root() { return Scope(*this, "", "", {}); }

  Counter& counter(Identity identity);
  Gauge& gauge(Identity identity);
  Histogram& histogram(Identity identity);

  // Sorted by name. Values may move meanwhile.
  void forEachCounter(const std::function<void(const Counter&)>& f) const;
  void forEachGauge(const std::function<void(const Gauge&)>& f) const;
  void forEachHistogram(const std::function<void(const Histogram&)>& f) const;
  const Counter* findCounter(std::string_view name) const;
  const Gauge* findGauge(std::string_view name) const;
  const Histogram* findHistogram(std::string_view name) const;

private:
  template <class T> struct Kind {
    std::deque<T> owned;
    base::ViewMap<T*> byName;
  };
  template <class T> T& get(Kind<T>& kind, Identity identity);
  template <class T> const T* find(const Kind<T>& kind, std::string_view name) const;
  template <class T>
  void forEach(const Kind<T>& kind, const std::function<void(const T&)>& f) const;

  mutable std::mutex mutex_;
  Kind<Counter> counters_;
  Kind<Gauge> gauges_;
  Kind<Histogram> histograms_;
};

} // namespace moe::stats
