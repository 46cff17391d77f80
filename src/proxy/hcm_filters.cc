#include <set>

#include "base/strings.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "proxy/hcm_options.h"

namespace moe::proxy {
namespace {

using config::fieldError;
using config::FieldPath;
using Filter = envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
using google::protobuf::Any;

constexpr std::string_view kRouterLast =
    "the router (envoy.filters.http.router) as the last filter, once";

bool isRouter(std::string_view typeUrl) {
  return config::typeNameOf(typeUrl) ==
         envoy::extensions::filters::http::router::v3::Router::descriptor()->full_name();
}

// Full names of the types that may come.
absl::StatusOr<std::set<std::string>> typesOf(const Filter& filter, const FieldPath& path,
                                              const FactoryContext& context) {
  std::set<std::string> out;
  for (int i = 0; i < filter.config_discovery().type_urls_size(); ++i) {
    const std::string& url = filter.config_discovery().type_urls(i);
    const FieldPath at = path.index(static_cast<size_t>(i));
    if (isRouter(url)) {
      return fieldError(at, "the router", "a filter that is not the last one");
    }
    const std::string_view name = config::typeNameOf(url);
    if (context.httpFilters.find(name) == nullptr) {
      return config::unsupportedExtension(at, filter.name(), url, context.httpFilters.supported());
    }
    out.emplace(name);
  }
  return out;
}

std::string list(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out.append(out.empty() ? "" : " or ").append(name);
  }
  return out;
}

// A filter whose configuration comes by name (ECDS).
absl::Status readNamed(const Filter& filter, const FieldPath& path, const FactoryContext& context,
                       ConfiguredFilter& out) {
  const auto& discovery = filter.config_discovery();
  if (context.namedFilters == nullptr) {
    return fieldError(path, "config_discovery", "typed_config");
  }
  auto types = typesOf(filter, path.field("type_urls"), context);
  if (!types.ok()) {
    return types.status();
  }
  FactoryContext later = context; // for when this call's own are gone
  later.warming = nullptr;
  const auto compile = [later, types = std::move(*types), name = filter.name()](
                           const Any& any,
                           const FieldPath& at) -> absl::StatusOr<http::FilterFactoryPtr> {
    auto resolved = later.httpFilters.resolve(any, name, at);
    if (!resolved.ok()) {
      return resolved.status();
    }
    if (!types.contains(resolved->config.typeName) &&
        !types.contains(resolved->config.message->GetDescriptor()->full_name())) {
      return config::wrongType(at, resolved->config.typeName, list(types));
    }
    return resolved->factory->compile(name, *resolved->config.message, resolved->config.path,
                                      later);
  };
  http::FilterFactoryPtr byDefault;
  if (discovery.has_default_config()) {
    auto made = compile(discovery.default_config(), path.field("default_config"));
    if (!made.ok()) {
      return made.status();
    }
    byDefault = std::move(*made);
  } else if (discovery.apply_default_config_without_warming()) {
    return fieldError(path, "apply_default_config_without_warming without default_config",
                      "both or neither");
  }
  auto named =
      context.namedFilters->use(discovery.config_source(), filter.name(), compile, byDefault, path);
  if (!named.ok()) {
    return named.status();
  }
  out.slot = (*named)->slot();
  if (context.warming != nullptr && !discovery.apply_default_config_without_warming()) {
    (*named)->warm(*context.warming);
  }
  out.named = std::move(*named);
  return absl::OkStatus();
}

absl::Status readTyped(const Filter& filter, const FieldPath& path, const FactoryContext& context,
                       ConfiguredFilter& out) {
  auto resolved = context.httpFilters.resolve(filter.typed_config(), filter.name(), path);
  if (!resolved.ok()) {
    return resolved.status();
  }
  auto factory = resolved->factory->compile(filter.name(), *resolved->config.message,
                                            resolved->config.path, context);
  if (!factory.ok()) {
    if (factory.status().code() != absl::StatusCode::kNotFound) {
      return factory.status();
    }
    // Optional is what moe does not know, not what is wrong.
    absl::Status wrong(absl::StatusCode::kInvalidArgument, factory.status().message());
    factory.status().ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
      wrong.SetPayload(type, payload);
    });
    return wrong;
  }
  out.factory = std::move(*factory);
  return absl::OkStatus();
}

} // namespace

absl::Status readHttpFilters(const HttpConnectionManagerProto& proto, const FieldPath& path,
                             const FactoryContext& context, HcmConfig& out) {
  const FieldPath filters = path.field("http_filters");
  const int count = proto.http_filters_size();
  for (int i = 0; i < count; ++i) {
    const Filter& filter = proto.http_filters(i);
    const FieldPath at = filters.index(static_cast<size_t>(i));
    if (!filter.has_typed_config() && !filter.has_config_discovery()) {
      return fieldError(at, "no typed_config",
                        "the filter's configuration as typed_config, or config_discovery");
    }
    const bool router = filter.has_typed_config() && isRouter(filter.typed_config().type_url());
    if (router != (i + 1 == count)) {
      return fieldError(
          at,
          router ? "the router before other filters"
                 : base::cat("the filter ", config::inQuotes(filter.name()), " at the end"),
          kRouterLast);
    }
    ConfiguredFilter configured{filter.name(), nullptr, filter.disabled(), nullptr, nullptr};
    if (!router) {
      const absl::Status status =
          filter.has_typed_config()
              ? readTyped(filter, at.field("typed_config"), context, configured)
              : readNamed(filter, at.field("config_discovery"), context, configured);
      if (absl::IsNotFound(status) && filter.is_optional()) {
        MOE_LOG(*context.logger, warn, "left out, as is_optional allows: {}",
                base::message(status));
        continue;
      }
      if (!status.ok()) {
        return status;
      }
    }
    out.filters.push_back(std::move(configured));
  }
  return count > 0 ? absl::OkStatus()
                   : fieldError(filters, "none", "at least the router (envoy.filters.http.router)");
}

} // namespace moe::proxy
