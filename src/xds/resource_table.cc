#include "xds/resource_table.h"

#include "absl/container/flat_hash_set.h"
#include "base/time.h"
#include "config/field_path.h"

namespace moe::xds {
namespace {

using NameSet = absl::flat_hash_set<std::string_view, base::StringHash, base::StringEqual>;

bool isWanted(std::string_view name, const std::vector<std::string>& aliases,
              const Interest& interest) {
  if (interest.wants(name)) {
    return true;
  }
  for (const std::string& alias : aliases) {
    if (interest.wants(alias)) {
      return true;
    }
  }
  return false;
}

size_t hashOf(const google::protobuf::Any& body) {
  return std::hash<std::string_view>()(body.value());
}

} // namespace

struct ResourceTable::Sorted {
  std::vector<Incoming*> changed;
  std::vector<std::string> removed; // and known to the consumer
  bool onlyHeartbeats = true;
};

ResourceTable::ResourceTable(event::Loop& loop, Consumer& consumer,
                             std::function<void(std::string_view)> onExpired,
                             const Subscription* owner)
    : loop_(loop), consumer_(consumer), onExpired_(std::move(onExpired)), owner_(owner) {}

ResourceTable::Entry* ResourceTable::entry(std::string_view name) const {
  const auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : at->second.get();
}

ResourceTable::Entry& ResourceTable::entryFor(const Incoming& incoming) {
  std::unique_ptr<Entry>& entry = entries_[incoming.name];
  if (entry == nullptr) {
    entry = std::make_unique<Entry>();
    entry->kept.name = incoming.name;
  }
  return *entry;
}

const KeptResource* ResourceTable::find(std::string_view name) const {
  if (const Entry* found = entry(name); found != nullptr) {
    return &found->kept;
  }
  const auto alias = aliases_.find(name);
  const Entry* found = alias == aliases_.end() ? nullptr : entry(alias->second);
  return found == nullptr ? nullptr : &found->kept;
}

void ResourceTable::forEach(const std::function<void(const KeptResource&)>& f) const {
  for (const auto& [name, entry] : entries_) {
    f(entry->kept);
  }
}

std::vector<std::pair<std::string, std::string>> ResourceTable::versions() const {
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    if (entry->kept.accepted) {
      out.emplace_back(name, entry->kept.version);
    }
  }
  return out;
}

ResourceTable::Outcome ResourceTable::apply(Batch& batch, const Interest& interest) {
  Outcome outcome;
  Sorted sorted;
  sort(batch, interest, sorted, outcome);
  sortRemoved(batch, interest, sorted, outcome);
  if (!sorted.changed.empty() || !sorted.removed.empty()) {
    tellConsumer(sorted, outcome);
  }
  for (const auto& [name, error] : outcome.refused) {
    outcome.nack.add(name, error);
  }
  return outcome;
}

void ResourceTable::sort(Batch& batch, const Interest& interest, Sorted& sorted, Outcome& outcome) {
  for (Incoming& incoming : batch.resources) {
    if (!incoming.error.empty()) {
      sorted.onlyHeartbeats = false;
      outcome.refused.emplace_back(incoming.name, incoming.error);
    } else if (isWanted(incoming.name, incoming.aliases, interest)) {
      sortOne(incoming, batch.heartbeatsByName, sorted, outcome);
    }
  }
  for (auto& [name, error] : batch.unavailable) {
    if (interest.wants(name) && (find(name) == nullptr || !find(name)->accepted)) {
      outcome.missing.push_back(name);
    }
  }
}

void ResourceTable::sortOne(Incoming& incoming, bool heartbeatsByName, Sorted& sorted,
                            Outcome& outcome) {
  Entry* known = entry(incoming.name);
  const bool accepted = known != nullptr && known->kept.accepted;
  if (incoming.body == nullptr) {
    if (!accepted) {
      outcome.missing.push_back(incoming.name);
    } else if (heartbeatsByName || known->kept.version == incoming.version) {
      armTtl(*known, incoming.ttl);
      outcome.confirmed.push_back(incoming.name);
    } else {
      outcome.refused.emplace_back(incoming.name,
                                   base::cat("found no resource and version ",
                                             config::inQuotes(incoming.version),
                                             ", expected a resource, or the version that is held, ",
                                             config::inQuotes(known->kept.version)));
    }
    return;
  }
  sorted.onlyHeartbeats = false;
  // After a refusal by some of those who were asked, what was there is given anew to all.
  const bool halfTaken = known != nullptr && known->kept.refusal && known->kept.refusal->mayPass;
  if (accepted && !halfTaken && known->kept.body.value() == incoming.body->value() &&
      known->kept.aliases == incoming.aliases) {
    known->kept.version = incoming.version;
    known->kept.refusal.reset();
    armTtl(*known, incoming.ttl);
    outcome.confirmed.push_back(incoming.name);
    return;
  }
  if (known != nullptr && known->kept.refusal && !halfTaken &&
      known->kept.refusal->size == incoming.body->value().size() &&
      known->kept.refusal->hash == hashOf(*incoming.body)) {
    known->kept.refusal->version = incoming.version;
    known->kept.refusal->wallNanos = base::wallNanos();
    outcome.refused.emplace_back(incoming.name, known->kept.refusal->error);
    return;
  }
  sorted.changed.push_back(&incoming);
}

void ResourceTable::sortRemoved(Batch& batch, const Interest& interest, Sorted& sorted,
                                Outcome& outcome) const {
  for (const std::string& name : batch.removed) {
    if (const Entry* known = entry(name); known != nullptr) {
      lose(known->kept, sorted, outcome);
    } else if (interest.wants(name)) {
      outcome.missing.push_back(name);
    }
  }
  // Heartbeats alone say nothing about others.
  if (!batch.complete || (sorted.onlyHeartbeats && !batch.resources.empty())) {
    return;
  }
  NameSet listed;
  for (const Incoming& incoming : batch.resources) {
    listed.insert(incoming.name);
  }
  for (const auto& [name, entry] : entries_) {
    if (!listed.contains(name)) {
      lose(entry->kept, sorted, outcome);
    }
  }
  for (const std::string& name : interest.names()) {
    if (!listed.contains(name) && !entries_.contains(name)) {
      outcome.missing.push_back(name);
    }
  }
}

void ResourceTable::lose(const KeptResource& kept, Sorted& sorted, Outcome& outcome) {
  sorted.removed.push_back(kept.name);
  outcome.missing.push_back(kept.name);
  outcome.missing.insert(outcome.missing.end(), kept.aliases.begin(), kept.aliases.end());
}

void ResourceTable::tellConsumer(const Sorted& sorted, Outcome& outcome) {
  std::vector<Resource> changed;
  changed.reserve(sorted.changed.size());
  for (const Incoming* incoming : sorted.changed) {
    changed.push_back({incoming->name, incoming->version, *incoming->body, incoming->aliases});
  }
  std::vector<std::string> removed; // what was never accepted is unknown to the consumer
  for (const std::string& name : sorted.removed) {
    if (entry(name)->kept.accepted) {
      removed.push_back(name);
    }
  }
  Refusals refusals;
  if (!changed.empty() || !removed.empty()) {
    consumer_.onUpdate({changed, removed, owner_}, refusals);
  }
  base::ViewMap<const std::string*> errors;
  for (const auto& [name, error] : refusals.errors()) {
    errors.try_emplace(name, &error);
  }
  for (Incoming* incoming : sorted.changed) {
    if (const auto error = errors.find(incoming->name); error != errors.end()) {
      outcome.refused.emplace_back(incoming->name, *error->second);
      refuse(*incoming, *error->second);
      entryFor(*incoming).kept.refusal->mayPass = refusals.mayPass(incoming->name);
      errors.erase(error);
    } else {
      outcome.accepted.push_back(incoming->name);
      accept(*incoming);
    }
  }
  for (const auto& [name, error] : errors) {
    outcome.refused.emplace_back(std::string(name), *error);
  }
  for (const std::string& name : sorted.removed) {
    erase(name);
  }
}

void ResourceTable::accept(Incoming& incoming) {
  Entry& to = entryFor(incoming);
  for (const std::string& alias : to.kept.aliases) {
    aliases_.erase(alias);
  }
  for (const std::string& alias : incoming.aliases) {
    aliases_[alias] = incoming.name;
  }
  to.kept.aliases = std::move(incoming.aliases);
  to.kept.accepted = true;
  to.kept.version = to.kept.firstVersion = incoming.version;
  to.kept.body = std::move(*incoming.body);
  to.kept.acceptedWallNanos = base::wallNanos();
  to.kept.refusal.reset();
  armTtl(to, incoming.ttl);
}

void ResourceTable::refuse(const Incoming& incoming, const std::string& error) {
  entryFor(incoming).kept.refusal = KeptResource::Refusal{.hash = hashOf(*incoming.body),
                                                          .size = incoming.body->value().size(),
                                                          .version = incoming.version,
                                                          .error = error,
                                                          .wallNanos = base::wallNanos()};
}

void ResourceTable::armTtl(Entry& entry, std::optional<std::chrono::milliseconds> ttl) {
  if (!ttl) {
    entry.ttl.reset();
    return;
  }
  if (entry.ttl == nullptr) {
    entry.ttl = loop_.createTimer(
        // A copy: the entry goes meanwhile.
        [this, name = entry.kept.name] { onExpired_(std::string(name)); });
  }
  entry.ttl->enable(*ttl);
}

bool ResourceTable::remove(std::string_view name) {
  const Entry* found = entry(name);
  if (found == nullptr) {
    return false;
  }
  if (found->kept.accepted) {
    const std::string removed(name);
    Refusals nobodyListens;
    consumer_.onUpdate({{}, {&removed, 1}, owner_}, nobodyListens);
  }
  erase(name);
  return true;
}

void ResourceTable::forget(const std::vector<std::string>& names, bool all,
                           const Interest& interest) {
  std::vector<std::string> gone;
  const auto look = [&](const KeptResource& kept) {
    if (!isWanted(kept.name, kept.aliases, interest)) {
      gone.push_back(kept.name);
    }
  };
  if (all) {
    forEach(look);
  } else {
    for (const std::string& name : names) {
      if (const KeptResource* kept = find(name); kept != nullptr) {
        look(*kept);
      }
    }
  }
  if (gone.empty()) {
    return;
  }
  std::vector<std::string> removed;
  for (const std::string& name : gone) {
    if (const KeptResource* kept = find(name); kept != nullptr && kept->accepted) {
      removed.push_back(name);
    }
  }
  if (!removed.empty()) {
    Refusals nobodyListens;
    consumer_.onUpdate({{}, removed, owner_}, nobodyListens);
  }
  for (const std::string& name : gone) {
    erase(name);
  }
}

void ResourceTable::erase(std::string_view name) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) {
    return;
  }
  for (const std::string& alias : at->second->kept.aliases) {
    aliases_.erase(alias);
  }
  entries_.erase(at);
}

} // namespace moe::xds
