#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "event/loop.h"
#include "xds/consumer.h"
#include "xds/interest.h"
#include "xds/nack.h"
#include "xds/resource.h"

namespace moe::xds {

// The resources of one type that one source of configuration has given. It tells what changes from
// what only comes again, so that a consumer sees changes alone. Main thread.
class ResourceTable {
public:
  // What a batch has led to, by name. `refused` holds name and error.
  struct Outcome {
    std::vector<std::string> accepted;  // new or changed
    std::vector<std::string> confirmed; // came again as it is, or by a heartbeat
    std::vector<std::string> missing;   // removed, or said not to exist
    std::vector<std::pair<std::string, std::string>> refused;
    NackText nack;
  };

  // `onExpired`: the time to live of a resource is over; it is still here. Both outlive the table.
  // `owner`: what updates say they are from; may be null.
  ResourceTable(event::Loop& loop, Consumer& consumer,
                std::function<void(std::string_view name)> onExpired,
                const Subscription* owner = nullptr);

  // Takes a batch; what nobody wants is passed over. Bodies are moved out of the batch.
  Outcome apply(Batch& batch, const Interest& interest);
  // Gives up a resource and tells the consumer. False: it was not here.
  bool remove(std::string_view name);
  // Gives up what is not wanted any more. `names`: the wishes that ended; `all`: look at
  // everything.
  void forget(const std::vector<std::string>& names, bool all, const Interest& interest);

  // By name or alias; null: unknown. A resource that is here may never have been accepted.
  const KeptResource* find(std::string_view name) const;
  void forEach(const std::function<void(const KeptResource&)>& f) const;
  // Names and versions of what was accepted.
  std::vector<std::pair<std::string, std::string>> versions() const;
  size_t size() const { return entries_.size(); }

private:
  struct Entry {
    KeptResource kept;
    std::unique_ptr<event::Timer> ttl;
  };
  struct Sorted; // the resources of a batch by what is to be done about them
  Entry* entry(std::string_view name) const;
  Entry& entryFor(const Incoming& incoming);
  void sort(Batch& batch, const Interest& interest, Sorted& sorted, Outcome& outcome);
  void sortOne(Incoming& incoming, bool heartbeatsByName, Sorted& sorted, Outcome& outcome);
  void sortRemoved(Batch& batch, const Interest& interest, Sorted& sorted, Outcome& outcome) const;
  static void lose(const KeptResource& kept, Sorted& sorted, Outcome& outcome);
  void tellConsumer(const Sorted& sorted, Outcome& outcome);
  void accept(Incoming& incoming);
  void refuse(const Incoming& incoming, const std::string& error);
  void armTtl(Entry& entry, std::optional<std::chrono::milliseconds> ttl);
  void erase(std::string_view name);

  event::Loop& loop_;
  Consumer& consumer_;
  std::function<void(std::string_view)> onExpired_;
  const Subscription* owner_;
  base::StringMap<std::unique_ptr<Entry>> entries_;
  base::StringMap<std::string> aliases_; // to the name
};

} // namespace moe::xds
