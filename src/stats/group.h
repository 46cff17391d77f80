#pragma once

#include <deque>

#include "stats/stats.h"

namespace moe::stats {

// The stats of one prefix. Their number and places change under the store's lock only.
struct Group {
  std::string prefix; // "cluster.web."
  std::string tagExtracted;
  std::vector<Tag> tags;
  const Lease* owner = nullptr; // null: the store

  // Null while there is none of a kind: most groups have counters only.
  template <class T> using Stats = std::unique_ptr<std::deque<T>>;
  std::tuple<Stats<Counter>, Stats<Gauge>, Stats<Histogram>> stats;
};

// Some scopes' hold on their groups.
class Lease {
public:
  Lease(Store& store, std::string prefix) : store_(store), prefix_(std::move(prefix)) {}
  ~Lease() { store_.ended(*this); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

private:
  friend class Store;
  Store& store_;
  const std::string prefix_;
  std::vector<std::shared_ptr<Group>> groups_;
};

} // namespace moe::stats
