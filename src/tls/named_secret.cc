#include "tls/named_secret.h"

namespace moe::tls {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;

absl::Status NamedSecret::start(const envoy::config::core::v3::ConfigSource& source,
                                const FieldPath& path) {
  if (std::exchange(started_, true)) {
    return absl::OkStatus();
  }
  auto watch =
      environment_.source.watch(source, name_, *this, path, environment_.scope.child(name_));
  if (!watch.ok()) {
    started_ = false;
    return watch.status();
  }
  watch_ = std::move(*watch);
  return absl::OkStatus();
}

absl::Status NamedSecret::onResource(const v3::Secret& resource) {
  const absl::Status status = [&] {
    if (resource.name() != name_) {
      return config::fieldError(FieldPath("name"), config::inQuotes(resource.name()),
                                config::inQuotes(name_));
    }
    return offer(std::make_shared<const v3::Secret>(resource));
  }();
  becomeKnown(); // refused or not, as Envoy: nobody knows when a better one comes
  return status;
}

absl::Status NamedSecret::offer(const SecretPtr& value) {
  auto compiled = environment_.contexts.checkSecret(*value, FieldPath());
  if (!compiled.ok()) {
    return compiled.status();
  }
  event::SlotChanges changes;
  absl::Status first;
  bool taken = users_.empty();
  for (SecretUser* user : users_) {
    const absl::Status status = user->onSecret(*this, value, changes);
    taken = taken || status.ok();
    first.Update(status);
  }
  changes.post(environment_.workers);
  if (taken) {
    latest_ = value;
    compiled_ = std::move(*compiled);
  }
  return first;
}

// What is known stays in use.
void NamedSecret::onAbsent() { becomeKnown(); }

void NamedSecret::becomeKnown() {
  if (std::exchange(known_, true)) {
    return;
  }
  std::vector<config::Warming::Hold> ended; // whoever waited may add users
  for (SecretUser* user : users_) {
    user->onKnown(ended);
  }
}

} // namespace moe::tls
