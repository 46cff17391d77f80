#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "event/slot.h"
#include "stats/stats.h"
#include "tls/named_secret.h"

namespace moe::tls {

// Envoy's statistics of contexts whose secrets come by SDS; the scope is
// "listener.<address>.server_ssl_socket_factory." or "cluster.<name>.client_ssl_socket_factory.".
// Any thread.
struct SecretStats {
  SecretStats(stats::Scope s, std::string_view notReadyName)
      : scope(std::move(s)), contextUpdates(scope.counter("ssl_context_update_by_sds")),
        notReady(scope.counter(notReadyName)) {}
  const stats::Scope scope;
  stats::Counter& contextUpdates;
  stats::Counter& notReady; // connections that were refused since there is no context yet
};

// What a context is made of: its own certificates, and whom it trusts.
using ContextVisit = std::function<void(std::span<const CertificatePtr> certificates,
                                        const std::vector<TrustPtr>& trusts)>;
template <class Context> void visitContext(const Context& context, const ContextVisit& visit) {
  visit(context.certificates(), context.verifier().trust().all());
}

// What both kinds of changing contexts are to whoever owns them.
class OwnedContext : public SecretUser {
public:
  // What it is now; not at all if a secret is not there yet.
  virtual void visit(const ContextVisit& visit) const = 0;
};

// A context whose secrets come by name: compiled when all are there, and anew as they change. Main
// thread, but for get() and notReady().
template <class Context> class ChangingContext final : public OwnedContext {
public:
  using ContextPtr = std::shared_ptr<const Context>;
  // Null, if a secret is not there yet.
  using Compile = std::function<absl::StatusOr<ContextPtr>(const SecretResolver& resolver)>;
  // A secret that the context names. `config` is what the resolver is asked with.
  struct Used {
    const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig* config;
    std::shared_ptr<NamedSecret> secret;
    SecretPtr value; // what the context is made with; null: nothing yet
  };

  struct Options {
    event::Loop& mainLoop;
    uint32_t concurrency;
    Compile compile;
    SecretResolver others; // those that do not come by SDS
    SecretStats stats;
  };

  ChangingContext(Options options, std::vector<Used> used)
      : options_(std::move(options)), used_(std::move(used)),
        slot_(std::make_shared<event::Slot<Context>>(options_.concurrency, nullptr)) {
    for (Used& each : used_) {
      each.secret->remove(*this); // named twice: asked once
      each.secret->add(*this);
    }
  }
  ~ChangingContext() override {
    for (Used& each : used_) {
      each.secret->remove(*this);
    }
  }
  ChangingContext(const ChangingContext&) = delete;
  ChangingContext& operator=(const ChangingContext&) = delete;

  // Compiles with what is there already. An error: the context cannot be used at all.
  absl::Status begin() {
    for (Used& each : used_) {
      each.value = each.secret->latest();
    }
    auto made = compile();
    if (made.ok() && *made != nullptr) {
      slot_->set(ending(*made), event::WorkerLoops()); // nobody looks yet
    }
    return made.status();
  }
  // `waiting` waits until all secrets are known.
  void warm(config::Warming& waiting) {
    if (!known()) {
      hold_.emplace(waiting.hold());
    }
  }

  // What this worker uses; null: nothing yet. On its thread; valid until its next task.
  const Context* get(uint32_t worker) const { return slot_->get(worker).get(); }
  // Counts a connection that was refused. Any thread.
  void countNotReady() const { options_.stats.notReady.inc(); }

  void visit(const ContextVisit& visit) const override {
    if (slot_->latest() != nullptr) {
      visitContext(*slot_->latest(), visit);
    }
  }

  absl::Status onSecret(const NamedSecret& secret, const SecretPtr& value,
                        event::SlotChanges& changes) override {
    std::vector<SecretPtr> before;
    before.reserve(used_.size());
    for (Used& each : used_) {
      before.push_back(each.value);
      if (each.secret.get() == &secret) {
        each.value = value;
      }
    }
    auto made = compile();
    if (!made.ok()) {
      for (size_t i = 0; i < used_.size(); ++i) {
        used_[i].value = std::move(before[i]);
      }
      return made.status();
    }
    if (*made != nullptr) {
      changes.set(slot_, ending(*made));
      options_.stats.contextUpdates.inc();
    }
    return absl::OkStatus();
  }

  void onKnown(std::vector<config::Warming::Hold>& ended) override {
    if (hold_.has_value() && known()) {
      ended.push_back(std::move(*hold_));
      hold_.reset();
    }
  }

private:
  bool known() const {
    return std::all_of(used_.begin(), used_.end(),
                       [](const Used& each) { return each.secret->known(); });
  }
  ContextPtr ending(const ContextPtr& context) const {
    return event::endingOn<Context>(options_.mainLoop, context);
  }
  absl::StatusOr<ContextPtr> compile() const {
    using envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;
    using envoy::extensions::transport_sockets::tls::v3::Secret;
    return options_.compile([this](const SdsSecretConfig& config, Secret::TypeCase kind,
                                   const config::FieldPath& path) -> absl::StatusOr<const Secret*> {
      for (const Used& each : used_) {
        if (each.config == &config) {
          return each.value.get();
        }
      }
      return options_.others(config, kind, path);
    });
  }

  const Options options_;
  std::vector<Used> used_;
  const std::shared_ptr<event::Slot<Context>> slot_;
  std::optional<config::Warming::Hold> hold_;
};

// A context as those that make connections have it: one that stays, or one that changes. Any
// thread; cheap to copy.
template <class Context> class ContextHandle {
public:
  using Changing = ChangingContext<Context>;
  ContextHandle() = default; // none
  explicit ContextHandle(std::shared_ptr<const Context> fixed) : fixed_(std::move(fixed)) {}
  explicit ContextHandle(std::shared_ptr<const Changing> changing)
      : changing_(std::move(changing)) {}

  // There is one, at least later.
  explicit operator bool() const { return fixed_ != nullptr || changing_ != nullptr; }
  // For a new connection of this worker, on its thread. Null: its secrets have not come yet, which
  // is counted.
  const Context* get(uint32_t worker) const {
    if (changing_ == nullptr) {
      return fixed_.get();
    }
    const Context* context = changing_->get(worker);
    if (context == nullptr) {
      changing_->countNotReady();
    }
    return context;
  }

private:
  std::shared_ptr<const Context> fixed_;
  std::shared_ptr<const Changing> changing_;
};
using ServerContextHandle = ContextHandle<ServerContext>;
using ClientContextHandle = ContextHandle<ClientContext>;

} // namespace moe::tls
