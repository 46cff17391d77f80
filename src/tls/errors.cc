#include "tls/errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/strings.h"

namespace moe::tls {
namespace {

std::string_view orUnknown(const char* text) {
  return text == nullptr ? std::string_view("unknown") : std::string_view(text);
}

} // namespace

Errors takeErrors(std::string_view detail) {
  Errors out;
  while (const uint32_t code = ERR_get_error()) {
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
      out.noPeerCertificate =
          out.noPeerCertificate || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
      out.cleartext =
          out.cleartext || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
      out.certificate = out.certificate || reason == SSL_R_CERTIFICATE_VERIFY_FAILED;
    }
    out.any = true;
    out.text += base::cat(out.text.empty() ? "TLS_error:" : "", "|", code, ":",
                          orUnknown(ERR_lib_error_string(code)),
                          ":OPENSSL_internal:", orUnknown(ERR_reason_error_string(code)));
    if (!detail.empty()) {
      out.text += base::cat(": ", std::exchange(detail, {}));
    }
  }
  if (!out.any && !detail.empty()) {
    out.text = base::cat("TLS_error: ", detail);
  }
  return out;
}

} // namespace moe::tls
