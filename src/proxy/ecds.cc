#include "proxy/ecds.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "config/deterministic.h"

namespace moe::proxy {

using config::FieldPath;
using Proto = envoy::config::core::v3::TypedExtensionConfig;

namespace {

// Envoy's names.
struct ExtensionStats {
  explicit ExtensionStats(const stats::Scope& scope)
      : reload(scope.counter("config_reload")), fail(scope.counter("config_fail")),
        conflict(scope.counter("config_conflict")) {}
  stats::Counter& reload;
  stats::Counter& fail;
  stats::Counter& conflict; // a new use could not take what the others have
};

} // namespace

class NamedFilters::Use final : public NamedFilter {
public:
  Use(const Options& options, std::shared_ptr<Extension> extension, Compile compile,
      const http::FilterFactoryPtr& byDefault);
  ~Use() override;

  const std::shared_ptr<const FilterSlot>& slot() const override { return shown_; }
  void warm(config::Warming& waiting) override;

private:
  friend class Extension;
  const std::shared_ptr<Extension> extension_;
  const Compile compile_;
  const http::FilterFactoryPtr byDefault_;
  const std::shared_ptr<FilterSlot> slot_;
  const std::shared_ptr<const FilterSlot> shown_;
};

// One name of one source, for all uses of it.
class NamedFilters::Extension final : public ExtensionSource::Receiver,
                                      public std::enable_shared_from_this<Extension> {
public:
  Extension(const Options& options, std::string name)
      : options_(options), name_(std::move(name)), scope_(options.stats.root()
                                                              .child("extension_config_discovery")
                                                              .child("http_filter")
                                                              .child(name_)),
        stats_(scope_) {}

  absl::Status start(const envoy::config::core::v3::ConfigSource& source, const FieldPath& path) {
    auto watch = options_.source->watch(source, name_, *this, path, scope_);
    if (!watch.ok()) {
      return watch.status();
    }
    watch_ = std::move(*watch);
    return absl::OkStatus();
  }

  void add(Use& use) {
    uses_.push_back(&use);
    if (!latest_) {
      return;
    }
    auto made = compileFor(use, *latest_);
    if (made.ok()) {
      use.slot_->set(*made, options_.workers);
      return;
    }
    stats_.conflict.inc();
    MOE_LOG(*options_.logger, warn, "ecds: \"{}\" is of no use to another filter chain: {}", name_,
            base::message(made.status()));
  }
  void remove(Use& use) { std::erase(uses_, &use); }
  void warm(config::Warming& waiting) {
    if (!ready_) {
      holds_.push_back(waiting.hold());
    }
  }

  absl::Status onResource(const Proto& proto) override {
    absl::Status status = take(proto);
    (status.ok() ? stats_.reload : stats_.fail).inc();
    becomeReady();
    return status;
  }

  void onAbsent() override {
    if (!ready_) {
      stats_.fail.inc();
    }
    if (std::exchange(latest_, std::nullopt)) {
      event::SlotChanges changes;
      for (Use* use : uses_) {
        changes.set(use->slot_, use->byDefault_);
      }
      changes.post(options_.workers);
    }
    becomeReady();
  }

private:
  absl::StatusOr<http::FilterFactoryPtr> compileFor(const Use& use, const Proto& proto) {
    auto made = use.compile_(proto.typed_config(), FieldPath("typed_config"));
    if (!made.ok()) {
      return made.status();
    }
    return event::endingOn(options_.mainLoop, *made);
  }

  absl::Status take(const Proto& proto) {
    if (proto.name() != name_) {
      return config::fieldError(FieldPath("name"), config::inQuotes(proto.name()),
                                config::inQuotes(name_));
    }
    std::vector<http::FilterFactoryPtr> made; // by use; all or none
    made.reserve(uses_.size());
    for (Use* use : uses_) {
      auto one = compileFor(*use, proto);
      if (!one.ok()) {
        return one.status();
      }
      made.push_back(std::move(*one));
    }
    event::SlotChanges changes;
    for (size_t i = 0; i < uses_.size(); ++i) {
      changes.set(uses_[i]->slot_, made[i]);
    }
    changes.post(options_.workers);
    latest_ = proto;
    return absl::OkStatus();
  }

  void becomeReady() {
    const auto self = shared_from_this();
    ready_ = true;
    const auto holds = std::exchange(holds_, {}); // who waited may end the last use
  }

  const Options& options_;
  const std::string name_;
  const stats::Scope scope_;
  ExtensionStats stats_;
  std::vector<Use*> uses_;
  std::optional<Proto> latest_; // that all took
  std::vector<config::Warming::Hold> holds_;
  bool ready_ = false;
  std::unique_ptr<ExtensionSource::Watch> watch_;
};

NamedFilters::Use::Use(const Options& options, std::shared_ptr<Extension> extension,
                       Compile compile, const http::FilterFactoryPtr& byDefault)
    : extension_(std::move(extension)), compile_(std::move(compile)),
      byDefault_(byDefault == nullptr ? nullptr : event::endingOn(options.mainLoop, byDefault)),
      slot_(std::make_shared<FilterSlot>(options.concurrency, byDefault_)), shown_(slot_) {
  extension_->add(*this);
}

NamedFilters::Use::~Use() { extension_->remove(*this); }

void NamedFilters::Use::warm(config::Warming& waiting) { extension_->warm(waiting); }

absl::StatusOr<std::shared_ptr<NamedFilter>>
NamedFilters::use(const envoy::config::core::v3::ConfigSource& source, const std::string& name,
                  Compile compile, const http::FilterFactoryPtr& byDefault, const FieldPath& path) {
  std::string key = config::deterministic(source);
  key.append(1, '\0').append(name);
  std::erase_if(extensions_, [](const auto& entry) { return entry.second.expired(); });
  const auto found = extensions_.find(key);
  std::shared_ptr<Extension> extension = found == extensions_.end()
                                             ? std::make_shared<Extension>(options_, name)
                                             : found->second.lock();
  auto made = std::make_shared<Use>(options_, extension, std::move(compile), byDefault);
  if (found == extensions_.end()) {
    if (absl::Status status = extension->start(source, path.field("config_source")); !status.ok()) {
      return status;
    }
    extensions_.emplace(std::move(key), extension);
  }
  return made;
}

} // namespace moe::proxy
