#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "net/address.h"

namespace moe::tls {

// A file in the format of SSLKEYLOGFILE, with which a recorded connection can be read: for finding
// faults only. A line is one write, made at once by the thread of the handshake. Any thread.
class KeyLog {
  struct Private {}; // only open() makes one

public:
  explicit KeyLog(Private) {}
  ~KeyLog();
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  // Opens (or creates, for its owner only) the file. Errors name the field.
  static absl::StatusOr<std::shared_ptr<const KeyLog>>
  open(const envoy::extensions::transport_sockets::tls::v3::TlsKeyLog& proto,
       const config::FieldPath& path);

  // Whether a connection between these is to be logged. An address that is not known (null) is in
  // no range.
  bool wants(const net::Address* local, const net::Address* remote) const;
  void write(std::string_view line) const;

private:
  struct Range {
    int family;
    std::vector<uint8_t> bytes;
    uint32_t bits;
  };
  using Ranges = std::vector<Range>;
  static absl::StatusOr<Ranges>
  readRanges(const google::protobuf::RepeatedPtrField<envoy::config::core::v3::CidrRange>& proto,
             const config::FieldPath& path);
  static bool contains(const Ranges& ranges, const net::Address* address);

  int fd_ = -1;
  Ranges local_;
  Ranges remote_;
};

} // namespace moe::tls
