#pragma once

#include <openssl/bio.h>

#include "base/buffer.h"

namespace moe::tls {

// The wire of one SSL as two queues of slices: BoringSSL reads what was received, and what it
// writes is gathered. It is never told that writing is blocked. Not thread-safe.
class WireBio {
public:
  explicit WireBio(base::Slab& slab);
  WireBio(const WireBio&) = delete; // the BIO points here
  WireBio& operator=(const WireBio&) = delete;

  // For SSL_set_bio; the SSL may live as long as this object, no longer.
  bssl::UniquePtr<BIO> bio() { return bssl::UpRef(bio_); }

  base::Buffer& received() { return received_; }
  // After what was received, the peer's end.
  void setEnd() { end_ = true; }
  bool atEnd() const { return end_ && received_.empty(); }
  base::Buffer& written() { return written_; }

  // While this holds, the caller has room reserved in the slab, and writing must not take it.
  void setSlabReserved(bool reserved) { slabReserved_ = reserved; }

private:
  static int read(BIO* bio, char* out, int size);
  static int write(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  base::Slab& slab_;
  base::Buffer received_;
  base::Buffer written_;
  bool end_ = false;
  bool slabReserved_ = false;
  bssl::UniquePtr<BIO_METHOD> method_;
  bssl::UniquePtr<BIO> bio_; // after its method, which it uses to the end
};

} // namespace moe::tls
