#include "tls/ocsp.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>

#include "base/strings.h"

namespace moe::tls {
namespace {

constexpr CBS_ASN1_TAG explicitTag(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | number;
}

// 1.3.6.1.5.5.7.48.1.1, id-pkix-ocsp-basic.
constexpr uint8_t kBasicResponse[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};

absl::Status malformed(std::string_view what) {
  return absl::InvalidArgumentError(base::cat("an OCSP response whose ", what, " does not parse"));
}

bool skip(CBS& in, CBS_ASN1_TAG tag) { return CBS_get_asn1(&in, nullptr, tag) == 1; }

bool skipOptional(CBS& in, CBS_ASN1_TAG tag) {
  CBS ignored;
  int present = 0;
  return CBS_get_optional_asn1(&in, &ignored, &present, tag) == 1;
}

std::optional<int64_t> readTime(CBS& in) {
  CBS time;
  if (CBS_get_asn1(&in, &time, CBS_ASN1_GENERALIZEDTIME) != 1) {
    return std::nullopt;
  }
  const bssl::UniquePtr<ASN1_GENERALIZEDTIME> parsed(ASN1_GENERALIZEDTIME_new());
  int64_t seconds = 0;
  if (ASN1_STRING_set(parsed.get(), CBS_data(&time), static_cast<ossl_ssize_t>(CBS_len(&time))) !=
          1 ||
      ASN1_TIME_to_posix_nonstandard(parsed.get(), &seconds) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return seconds;
}

// The one SingleResponse.
absl::StatusOr<OcspResponse> readSingle(CBS single) {
  OcspResponse out;
  CBS id;
  CBS serial;
  if (CBS_get_asn1(&single, &id, CBS_ASN1_SEQUENCE) != 1 || !skip(id, CBS_ASN1_SEQUENCE) ||
      !skip(id, CBS_ASN1_OCTETSTRING) || !skip(id, CBS_ASN1_OCTETSTRING) ||
      CBS_get_asn1(&id, &serial, CBS_ASN1_INTEGER) != 1 || CBS_len(&serial) == 0) {
    return malformed("certificate ID");
  }
  const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(CBS_data(&serial), CBS_len(&serial), nullptr));
  const bssl::UniquePtr<char> hex(number != nullptr ? BN_bn2hex(number.get()) : nullptr);
  if (hex == nullptr) {
    return malformed("serial number");
  }
  out.serial = hex.get();
  CBS status;
  CBS_ASN1_TAG tag = 0;
  if (CBS_get_any_asn1(&single, &status, &tag) != 1 ||
      (tag & CBS_ASN1_CLASS_MASK) != CBS_ASN1_CONTEXT_SPECIFIC ||
      (tag & CBS_ASN1_TAG_NUMBER_MASK) > 2) {
    return malformed("certificate status");
  }
  const auto thisUpdate = readTime(single);
  if (!thisUpdate) {
    return malformed("thisUpdate");
  }
  out.thisUpdate = *thisUpdate;
  CBS next;
  int present = 0;
  if (CBS_get_optional_asn1(&single, &next, &present, explicitTag(0)) != 1) {
    return malformed("nextUpdate");
  }
  if (present != 0) {
    out.nextUpdate = readTime(next);
    if (!out.nextUpdate) {
      return malformed("nextUpdate");
    }
  }
  return out;
}

absl::StatusOr<OcspResponse> readBasic(CBS basic) {
  CBS response;
  CBS data;
  CBS responses;
  CBS single;
  if (CBS_get_asn1(&basic, &response, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&response, &data, CBS_ASN1_SEQUENCE) != 1 ||
      !skipOptional(data, explicitTag(0))) { // version
    return malformed("data");
  }
  CBS ignored;
  CBS_ASN1_TAG responder = 0;
  if (CBS_get_any_asn1(&data, &ignored, &responder) != 1 ||
      (responder != explicitTag(1) && responder != explicitTag(2))) {
    return malformed("responder");
  }
  if (!skip(data, CBS_ASN1_GENERALIZEDTIME) ||
      CBS_get_asn1(&data, &responses, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&responses, &single, CBS_ASN1_SEQUENCE) != 1) {
    return malformed("list of responses");
  }
  if (CBS_len(&responses) != 0) {
    return absl::InvalidArgumentError("an OCSP response for several certificates");
  }
  return readSingle(single);
}

} // namespace

absl::StatusOr<OcspResponse> parseOcspResponse(std::string_view der) {
  CBS in;
  CBS_init(&in, reinterpret_cast<const uint8_t*>(der.data()), der.size());
  CBS response;
  CBS status;
  if (CBS_get_asn1(&in, &response, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&in) != 0 ||
      CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) != 1 || CBS_len(&status) != 1) {
    return malformed("outermost structure");
  }
  if (CBS_data(&status)[0] != 0) {
    return absl::InvalidArgumentError(
        base::cat("an OCSP response without success (status ", int{CBS_data(&status)[0]}, ")"));
  }
  CBS outer;
  CBS bytes;
  CBS type;
  CBS basic;
  if (CBS_get_asn1(&response, &outer, explicitTag(0)) != 1 ||
      CBS_get_asn1(&outer, &bytes, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&bytes, &type, CBS_ASN1_OBJECT) != 1 ||
      CBS_get_asn1(&bytes, &basic, CBS_ASN1_OCTETSTRING) != 1) {
    return malformed("body");
  }
  if (CBS_mem_equal(&type, kBasicResponse, sizeof(kBasicResponse)) != 1) {
    return absl::InvalidArgumentError("an OCSP response of another type than basic");
  }
  return readBasic(basic);
}

} // namespace moe::tls
