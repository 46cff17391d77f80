#include "server/runtime_admin.h"

#include "admin/json.h"

namespace moe::server {
namespace {

using admin::Request;
using admin::Response;

// {"layers": [names], "entries": {key: {"layer_values": [texts], "final_value": text}}}
Response show(const RuntimeLayers& layers) {
  google::protobuf::Struct out;
  auto& names = *(*out.mutable_fields())["layers"].mutable_list_value();
  for (const RuntimeLayers::Layer& layer : layers.layers()) {
    names.add_values()->set_string_value(layer.name);
  }
  auto& entries = *(*out.mutable_fields())["entries"].mutable_struct_value()->mutable_fields();
  for (const auto& [key, winner] : layers.merged()) {
    auto& entry = *entries[key].mutable_struct_value()->mutable_fields();
    entry["final_value"].set_string_value(winner.entry->text);
    auto& values = *entry["layer_values"].mutable_list_value();
    for (const RuntimeLayers::Layer& layer : layers.layers()) {
      const auto found = layer.entries.find(key);
      values.add_values()->set_string_value(found == layer.entries.end() ? "" : found->second.text);
    }
  }
  return admin::jsonOf(out);
}

Response modify(RuntimeLayers& layers, const Request& request) {
  auto values = request.query.all();
  if (values.empty()) { // a form
    const auto form = admin::Query::parse(request.body);
    if (!form.ok()) {
      return admin::badRequest(std::string(base::message(form.status())));
    }
    values = form->all();
  }
  if (values.empty()) {
    return admin::badRequest("found no key, expected /runtime_modify?key1=value1&key2=value2, or "
                             "the same as a form; an empty value takes a key away");
  }
  if (!layers.modify(values)) {
    return {.status = 503,
            .body = "layered_runtime.layers: found no admin_layer, expected one to change\n"};
  }
  return {.body = "OK\n"};
}

} // namespace

void addRuntimeEndpoints(admin::Admin& admin, RuntimeLayers& layers) {
  using Access = admin::Endpoint::Access;
  admin.add({.path = "/runtime",
             .help = "the values of the runtime, as JSON",
             .handler = [&layers](const Request&) { return show(layers); }});
  admin.add({.path = "/runtime_modify",
             .help = "sets values of the runtime: ?key=value; an empty value takes one away",
             .access = Access::Changes,
             .anyParameter = true,
             .handler = [&layers](const Request& request) { return modify(layers, request); }});
}

} // namespace moe::server
