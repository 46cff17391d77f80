#include "admin/certs.h"

#include "tls/certificate_details.h"

namespace moe::admin {
namespace {

namespace v3 = envoy::admin::v3;
using tls::CertificateDetails;

void write(const CertificateDetails& details, int64_t now, v3::CertificateDetails& out) {
  out.set_path(details.path);
  out.set_serial_number(details.serial);
  out.set_days_until_expiration(details.daysUntilExpiration(now));
  out.mutable_valid_from()->set_seconds(details.validFrom);
  out.mutable_expiration_time()->set_seconds(details.expires);
  for (const CertificateDetails::Name& name : details.names) {
    v3::SubjectAlternateName& entry = *out.add_subject_alt_names();
    switch (name.kind) {
    case CertificateDetails::Kind::Dns:
      entry.set_dns(name.value);
      break;
    case CertificateDetails::Kind::Uri:
      entry.set_uri(name.value);
      break;
    case CertificateDetails::Kind::IpAddress:
      entry.set_ip_address(name.value);
      break;
    }
  }
  if (details.ocsp.has_value()) {
    out.mutable_ocsp_details()->mutable_valid_from()->set_seconds(details.ocsp->validFrom);
    out.mutable_ocsp_details()->mutable_expiration()->set_seconds(details.ocsp->expires);
  }
}

} // namespace

v3::Certificates certificates(const tls::TransportCompiler& contexts, int64_t now) {
  v3::Certificates out;
  contexts.forEach(
      [&](std::span<const tls::CertificatePtr> own, const std::vector<tls::TrustPtr>& trusts) {
        if (own.empty() && trusts.empty()) {
          return;
        }
        v3::Certificate& entry = *out.add_certificates();
        for (const tls::TrustPtr& trust : trusts) {
          for (const CertificateDetails& authority : tls::detailsOf(*trust)) {
            write(authority, now, *entry.add_ca_cert());
          }
        }
        for (const tls::CertificatePtr& certificate : own) {
          write(tls::detailsOf(*certificate), now, *entry.add_cert_chain());
        }
      });
  return out;
}

} // namespace moe::admin
