#pragma once

#include "upstream/dns.h"
#include "upstream/main_cluster.h"

namespace moe::upstream {

// STRICT_DNS: every address that a name has is a host. Ready once each name was tried. What is
// given by reference outlives it.
std::unique_ptr<MainCluster> createDnsCluster(ClusterInfoPtr info, HostSetPtr before,
                                              std::vector<EndpointSpec> endpoints,
                                              AssignmentPolicy policy, DnsResolver& resolver,
                                              event::Loop& loop, base::LoggerPtr logger,
                                              MainCluster::Events& events);

} // namespace moe::upstream
