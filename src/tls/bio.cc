#include "tls/bio.h"

#include <algorithm>
#include <cstring>

namespace moe::tls {

WireBio::WireBio(base::Slab& slab) : slab_(slab), method_(BIO_meth_new(0, nullptr)) {
  BIO_meth_set_read(method_.get(), read);
  BIO_meth_set_write(method_.get(), write);
  BIO_meth_set_ctrl(method_.get(), control);
  bio_.reset(BIO_new(method_.get()));
  BIO_set_data(bio_.get(), this);
  BIO_set_init(bio_.get(), 1);
}

int WireBio::read(BIO* bio, char* out, int size) {
  auto& self = *static_cast<WireBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t take = std::min(static_cast<size_t>(size), self.received_.size());
  if (take == 0) {
    if (self.end_) {
      return 0;
    }
    BIO_set_retry_read(bio);
    return -1;
  }
  self.received_.copyOut(0, take, out);
  self.received_.drain(take);
  return static_cast<int>(take);
}

int WireBio::write(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<WireBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  std::string_view left(bytes, static_cast<size_t>(size));
  if (self.slabReserved_) { // an alert
    self.written_.append(base::Slice::foreignCopy(left));
    return size;
  }
  while (!left.empty()) { // records lie densely, across blocks
    const std::span<char> room = self.slab_.reserve(1);
    const size_t take = std::min(left.size(), room.size());
    std::memcpy(room.data(), left.data(), take);
    self.written_.append(self.slab_.commit(take));
    left.remove_prefix(take);
  }
  return size;
}

long WireBio::control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0; // nothing is kept back here
}

} // namespace moe::tls
