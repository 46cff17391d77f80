#pragma once

#include "admin/admin.h"
#include "server/runtime_layers.h"

namespace moe::server {

// GET /runtime and POST /runtime_modify, as Envoy has them. `layers` outlives `admin`.
void addRuntimeEndpoints(admin::Admin& admin, RuntimeLayers& layers);

} // namespace moe::server
