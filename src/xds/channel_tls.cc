#include "xds/channel_tls.h"

#include <algorithm>

#include <grpcpp/security/tls_credentials_options.h>

namespace moe::xds {
namespace {

// One of the names must be in the certificate: exact, DNS or URI.
class SubjectAltNames final : public grpc::experimental::ExternalCertificateVerifier {
public:
  explicit SubjectAltNames(std::vector<std::string> names) : names_(std::move(names)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/, grpc::Status* status) override {
    const auto has = [&](const std::vector<grpc::string_ref>& present) {
      return std::any_of(present.begin(), present.end(), [&](const grpc::string_ref& one) {
        return std::find(names_.begin(), names_.end(), std::string(one.data(), one.size())) !=
               names_.end();
      });
    };
    if (!has(request->dns_names()) && !has(request->uri_names())) {
      *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                             "the certificate has none of the expected subject alternative names");
    }
    return true; // decided
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest* /*request*/) override {}

private:
  const std::vector<std::string> names_;
};

} // namespace

std::shared_ptr<grpc::ChannelCredentials> tlsCredentials(const ClusterConnection::Tls& tls,
                                                         grpc::ChannelArguments& arguments) {
  using namespace grpc::experimental;
  TlsChannelCredentialsOptions options;
  std::vector<IdentityKeyCertPair> identity;
  if (!tls.certificateChain.empty()) {
    identity.push_back({tls.privateKey, tls.certificateChain});
  }
  if (!tls.roots.empty() || !identity.empty()) {
    options.set_certificate_provider(
        std::make_shared<StaticDataCertificateProvider>(tls.roots, identity));
  }
  if (!tls.roots.empty()) {
    options.watch_root_certs();
  }
  if (!identity.empty()) {
    options.watch_identity_key_cert_pairs();
  }
  options.set_verify_server_certs(!tls.roots.empty());
  // Names are what subjectAltNames says, not what the authority is.
  options.set_check_call_host(false);
  if (tls.subjectAltNames.empty() || tls.roots.empty()) {
    options.set_certificate_verifier(std::make_shared<NoOpCertificateVerifier>());
  } else {
    options.set_certificate_verifier(
        ExternalCertificateVerifier::Create<SubjectAltNames>(tls.subjectAltNames));
  }
  if (!tls.serverName.empty()) {
    arguments.SetSslTargetNameOverride(tls.serverName);
  }
  return TlsCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> localCredentials() {
  return grpc::experimental::LocalCredentials(UDS);
}

} // namespace moe::xds
