#include "tls/certificate_maker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace moe::tls::test {
namespace {

bssl::UniquePtr<EVP_PKEY> makeKey(KeyKind kind) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (kind == KeyKind::Ed25519) {
    uint8_t seed[32];
    RAND_bytes(seed, sizeof(seed));
    key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, sizeof(seed)));
  } else if (kind == KeyKind::Rsa2048 || kind == KeyKind::Rsa1024) {
    bssl::UniquePtr<RSA> rsa(RSA_new());
    bssl::UniquePtr<BIGNUM> e(BN_new());
    BN_set_word(e.get(), RSA_F4);
    RSA_generate_key_ex(rsa.get(), kind == KeyKind::Rsa2048 ? 2048 : 1024, e.get(), nullptr);
    EVP_PKEY_set1_RSA(key.get(), rsa.get());
  } else {
    const int curve = kind == KeyKind::P256   ? NID_X9_62_prime256v1
                      : kind == KeyKind::P384 ? NID_secp384r1
                                              : NID_secp224r1;
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
    EC_KEY_generate_key(ec.get());
    EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
  }
  return key;
}

void addName(GENERAL_NAMES& names, const std::string& text) {
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string value = text.substr(colon + 1);
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  if (kind == "IP") {
    uint8_t bytes[16];
    const int family = value.find(':') == std::string::npos ? AF_INET : AF_INET6;
    ASSERT_EQ(inet_pton(family, value.c_str(), bytes), 1);
    bssl::UniquePtr<ASN1_OCTET_STRING> address(ASN1_OCTET_STRING_new());
    ASN1_STRING_set(address.get(), bytes, family == AF_INET ? 4 : 16);
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
  } else if (kind == "UPN") {
    bssl::UniquePtr<ASN1_UTF8STRING> utf8(ASN1_UTF8STRING_new());
    ASN1_STRING_set(utf8.get(), value.data(), static_cast<int>(value.size()));
    bssl::UniquePtr<ASN1_TYPE> type(ASN1_TYPE_new());
    ASN1_TYPE_set(type.get(), V_ASN1_UTF8STRING, utf8.release());
    GENERAL_NAME_set0_othername(name.get(), OBJ_txt2obj(kUpnOid, 1), type.release());
  } else {
    bssl::UniquePtr<ASN1_IA5STRING> string(ASN1_IA5STRING_new());
    ASN1_STRING_set(string.get(), value.data(), static_cast<int>(value.size()));
    const int type = kind == "DNS" ? GEN_DNS : kind == "URI" ? GEN_URI : GEN_EMAIL;
    GENERAL_NAME_set0_value(name.get(), type, string.release());
  }
  bssl::PushToStack(&names, std::move(name));
}

void addExtension(X509& certificate, int nid, const std::string& value) {
  bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, nullptr, nid, value.c_str()));
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(&certificate, extension.get(), -1);
}

std::string pemOf(BIO& bio) {
  const uint8_t* bytes = nullptr;
  size_t length = 0;
  BIO_mem_contents(&bio, &bytes, &length);
  return {reinterpret_cast<const char*>(bytes), length};
}

const EVP_MD* digestFor(const EVP_PKEY& key) {
  return EVP_PKEY_id(&key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

std::string generalizedTime(int64_t fromNow) {
  const bssl::UniquePtr<ASN1_GENERALIZEDTIME> time(ASN1_GENERALIZEDTIME_new());
  ASN1_GENERALIZEDTIME_set(time.get(), ::time(nullptr) + fromNow);
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(time.get())),
          static_cast<size_t>(ASN1_STRING_length(time.get()))};
}

} // namespace

std::string Made::pem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  return pemOf(*bio);
}

std::string Made::keyPem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return pemOf(*bio);
}

std::string Made::encryptedKeyPem(const std::string& password) const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), password.data(),
                                static_cast<int>(password.size()), nullptr, nullptr);
  return pemOf(*bio);
}

std::string Made::der() const {
  uint8_t* bytes = nullptr;
  const int length = i2d_X509(certificate.get(), &bytes);
  const bssl::UniquePtr<uint8_t> owned(bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)};
}

Made make(const Spec& spec) {
  Made out{X509Ptr(X509_new()), makeKey(spec.key)};
  X509* certificate = out.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), spec.serial);
  const time_t now = ::time(nullptr);
  ASN1_TIME_set(X509_getm_notBefore(certificate), now + spec.from);
  ASN1_TIME_set(X509_getm_notAfter(certificate), now + spec.until);
  if (!spec.commonName.empty()) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const uint8_t*>(spec.commonName.data()),
                               static_cast<int>(spec.commonName.size()), -1, 0);
  }
  const Made& issuer = spec.issuer != nullptr ? *spec.issuer : out;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get()));
  X509_set_pubkey(certificate, out.key.get());
  addExtension(*certificate, NID_basic_constraints,
               spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (spec.usage != "none") {
    addExtension(*certificate, NID_key_usage,
                 !spec.usage.empty() ? spec.usage
                 : spec.ca           ? "critical,keyCertSign,cRLSign"
                                     : "critical,digitalSignature");
  }
  if (!spec.extendedUsage.empty()) {
    addExtension(*certificate, NID_ext_key_usage, spec.extendedUsage);
  }
  if (!spec.names.empty()) {
    bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
    for (const std::string& name : spec.names) {
      addName(*names, name);
    }
    X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), spec.commonName.empty(), 0);
  }
  if (spec.mustStaple) {
    const uint8_t value[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    bssl::UniquePtr<ASN1_OBJECT> oid(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1));
    bssl::UniquePtr<ASN1_OCTET_STRING> data(ASN1_OCTET_STRING_new());
    ASN1_STRING_set(data.get(), value, sizeof(value));
    bssl::UniquePtr<X509_EXTENSION> extension(
        X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, data.get()));
    X509_add_ext(certificate, extension.get(), -1);
  }
  EXPECT_GT(X509_sign(certificate, issuer.key.get(), digestFor(*issuer.key)), 0);
  return out;
}

std::string makeCrl(const Made& issuer, const std::vector<uint64_t>& serials) {
  const bssl::UniquePtr<X509_CRL> crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.get()));
  const time_t now = ::time(nullptr);
  const bssl::UniquePtr<ASN1_TIME> last(ASN1_TIME_set(nullptr, now - 60));
  const bssl::UniquePtr<ASN1_TIME> next(ASN1_TIME_set(nullptr, now + 3600));
  X509_CRL_set1_lastUpdate(crl.get(), last.get());
  X509_CRL_set1_nextUpdate(crl.get(), next.get());
  for (const uint64_t serial : serials) {
    bssl::UniquePtr<X509_REVOKED> revoked(X509_REVOKED_new());
    const bssl::UniquePtr<ASN1_INTEGER> number(ASN1_INTEGER_new());
    ASN1_INTEGER_set_uint64(number.get(), serial);
    X509_REVOKED_set_serialNumber(revoked.get(), number.get());
    X509_REVOKED_set_revocationDate(revoked.get(), last.get());
    X509_CRL_add0_revoked(crl.get(), revoked.release());
  }
  EXPECT_GT(X509_CRL_sign(crl.get(), issuer.key.get(), digestFor(*issuer.key)), 0);
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_CRL(bio.get(), crl.get());
  return pemOf(*bio);
}

std::string makePkcs12(const Made& leaf, const std::vector<const Made*>& issuers,
                       const std::string& password) {
  bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  for (const Made* issuer : issuers) {
    bssl::PushToStack(chain.get(), bssl::UpRef(issuer->certificate));
  }
  const bssl::UniquePtr<PKCS12> p12(PKCS12_create(password.c_str(), nullptr, leaf.key.get(),
                                                  leaf.certificate.get(), chain.get(), 0, 0, 0, 0,
                                                  0));
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(i2d_PKCS12_bio(bio.get(), p12.get()), 1);
  return pemOf(*bio);
}

std::string makeOcsp(uint64_t serial, int64_t nextUpdateFromNow) {
  const std::string thisUpdate = generalizedTime(-60);
  const std::string nextUpdate = generalizedTime(nextUpdateFromNow);
  const auto bytes = [](CBB& out, const std::string& text) {
    CBB_add_bytes(&out, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  const uint8_t basicOid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
  const uint8_t sha1Oid[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
  constexpr unsigned context0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED;
  bssl::ScopedCBB cbb;
  CBB_init(cbb.get(), 256);
  CBB response, outer, body, oid, octets, basic, data, responder, key, time, list, single, id;
  CBB algorithm, hash, next;
  CBB_add_asn1(cbb.get(), &response, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&response, &oid, CBS_ASN1_ENUMERATED);
  CBB_add_u8(&oid, 0);
  CBB_add_asn1(&response, &outer, context0);
  CBB_add_asn1(&outer, &body, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&body, &oid, CBS_ASN1_OBJECT);
  CBB_add_bytes(&oid, basicOid, sizeof(basicOid));
  CBB_add_asn1(&body, &octets, CBS_ASN1_OCTETSTRING);
  CBB_add_asn1(&octets, &basic, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&basic, &data, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&data, &responder, context0 | 2);
  CBB_add_asn1(&responder, &key, CBS_ASN1_OCTETSTRING);
  bytes(key, std::string(20, 'k'));
  CBB_add_asn1(&data, &time, CBS_ASN1_GENERALIZEDTIME);
  bytes(time, thisUpdate);
  CBB_add_asn1(&data, &list, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&list, &single, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&single, &id, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&id, &algorithm, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&algorithm, &oid, CBS_ASN1_OBJECT);
  CBB_add_bytes(&oid, sha1Oid, sizeof(sha1Oid));
  CBB_add_asn1(&id, &hash, CBS_ASN1_OCTETSTRING);
  bytes(hash, std::string(20, 'n'));
  CBB_add_asn1(&id, &hash, CBS_ASN1_OCTETSTRING);
  bytes(hash, std::string(20, 'k'));
  CBB_add_asn1_uint64(&id, serial);
  CBB_add_asn1(&single, &oid, CBS_ASN1_CONTEXT_SPECIFIC); // good [0]
  CBB_add_asn1(&single, &time, CBS_ASN1_GENERALIZEDTIME);
  bytes(time, thisUpdate);
  CBB_add_asn1(&single, &next, context0);
  CBB_add_asn1(&next, &time, CBS_ASN1_GENERALIZEDTIME);
  bytes(time, nextUpdate);
  uint8_t* der = nullptr;
  size_t length = 0;
  EXPECT_EQ(CBB_finish(cbb.get(), &der, &length), 1);
  const bssl::UniquePtr<uint8_t> owned(der);
  return {reinterpret_cast<const char*>(der), length};
}

} // namespace moe::tls::test
