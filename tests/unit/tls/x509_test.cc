#include "tls/x509.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/obj.h>
#include <openssl/x509.h>

#include "tls/certificate_maker.h"

namespace moe::tls {
namespace {

// An otherName that holds 2^bits.
bssl::UniquePtr<GENERAL_NAME> numberName(int bits) {
  const bssl::UniquePtr<BIGNUM> number(BN_new());
  EXPECT_EQ(BN_set_bit(number.get(), bits), 1);
  bssl::UniquePtr<ASN1_TYPE> value(ASN1_TYPE_new());
  ASN1_TYPE_set(value.get(), V_ASN1_INTEGER, BN_to_ASN1_INTEGER(number.get(), nullptr));
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  EXPECT_EQ(GENERAL_NAME_set0_othername(name.get(), OBJ_txt2obj(test::kUpnOid, 1), value.release()),
            1);
  return name;
}

// Whoever connects chooses it, and its digits cost the square of their number.
TEST(X509, ANumberThatIsTooLargeHasNoText) {
  EXPECT_EQ(nameText(*numberName(3)), "8");
  EXPECT_EQ(nameText(*numberName(1023)).size(), 308u);
  EXPECT_EQ(nameText(*numberName(1024)), "");
  EXPECT_EQ(nameText(*numberName(760'000)), "");
}

} // namespace
} // namespace moe::tls
