#pragma once

#include <memory>

#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "xds/cluster_addresses.h"

namespace moe::xds {

// Credentials by a cluster's TLS settings; sets in `arguments` what belongs to them.
std::shared_ptr<grpc::ChannelCredentials> tlsCredentials(const ClusterConnection::Tls& tls,
                                                         grpc::ChannelArguments& arguments);

// For a peer on this machine: google_grpc's local_credentials, over a UNIX socket.
std::shared_ptr<grpc::ChannelCredentials> localCredentials();

} // namespace moe::xds
