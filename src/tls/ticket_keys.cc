#include "tls/ticket_keys.h"

#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "base/time.h"
#include "tls/data_source.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;

constexpr size_t kNameBytes = 16;
constexpr size_t kSecretBytes = 64; // Envoy's: 32 for HMAC and 32 for AES
constexpr size_t kKeyBytes = kNameBytes + kSecretBytes;

// A ticket is the key's name, a nonce, and the session, sealed with AES-256-GCM-SIV: it forgives a
// nonce that comes twice, as random ones may when one key has many users.
class Key {
public:
  explicit Key(std::span<const uint8_t, kKeyBytes> bytes) {
    std::copy_n(bytes.begin(), kNameBytes, name_.begin());
    const Digest secret =
        digestOf({reinterpret_cast<const char*>(bytes.data()) + kNameBytes, kSecretBytes});
    context_.reset(EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm_siv(), secret.data(), secret.size(),
                                    EVP_AEAD_DEFAULT_TAG_LENGTH));
  }

  static size_t nonceBytes() { return EVP_AEAD_nonce_length(EVP_aead_aes_256_gcm_siv()); }

  bool isNamed(const uint8_t* name) const {
    return std::memcmp(name, name_.data(), kNameBytes) == 0;
  }

  size_t seal(std::span<const uint8_t> in, uint8_t* out) const {
    std::copy(name_.begin(), name_.end(), out);
    uint8_t* nonce = out + kNameBytes;
    RAND_bytes(nonce, nonceBytes());
    const size_t head = kNameBytes + nonceBytes();
    size_t length = 0;
    if (EVP_AEAD_CTX_seal(context_.get(), out + head, &length,
                          in.size() + TicketKeys::overhead() - head, nonce, nonceBytes(), in.data(),
                          in.size(), out, kNameBytes) != 1) {
      ERR_clear_error();
      return 0;
    }
    return head + length;
  }

  // `in` is longer than name and nonce.
  size_t open(std::span<const uint8_t> in, uint8_t* out) const {
    const size_t head = kNameBytes + nonceBytes();
    const std::span<const uint8_t> sealed = in.subspan(head);
    size_t length = 0;
    if (EVP_AEAD_CTX_open(context_.get(), out, &length, sealed.size(), in.data() + kNameBytes,
                          nonceBytes(), sealed.data(), sealed.size(), in.data(), kNameBytes) != 1) {
      ERR_clear_error();
      return 0;
    }
    return length;
  }

private:
  std::array<uint8_t, kNameBytes> name_;
  bssl::UniquePtr<EVP_AEAD_CTX> context_;
};

class FixedKeys final : public TicketKeys {
public:
  explicit FixedKeys(std::vector<Key> keys) : keys_(std::move(keys)) {}

  size_t seal(std::span<const uint8_t> in, uint8_t* out) const override {
    return keys_.front().seal(in, out);
  }

  size_t open(std::span<const uint8_t> in, uint8_t* out) const override {
    if (in.size() < overhead()) {
      return 0;
    }
    const auto key = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const Key& one) { return one.isNamed(in.data()); });
    return key == keys_.end() ? 0 : key->open(in, out);
  }

private:
  std::vector<Key> keys_;
};

// Three places in turn: the key that seals, the one before it, and the one that the next key will
// take. Whoever finds the period over makes that key; others go on with the old one meanwhile. The
// place that is written was left by everybody a whole period ago.
class RandomKeys final : public TicketKeys {
public:
  explicit RandomKeys(int64_t periodSeconds) : period_(periodSeconds), due_(now() + periodSeconds) {
    keys_[0] = make();
  }

  size_t seal(std::span<const uint8_t> in, uint8_t* out) const override {
    rotate();
    return keys_[current_.load(std::memory_order_acquire) % 3]->seal(in, out);
  }

  size_t open(std::span<const uint8_t> in, uint8_t* out) const override {
    if (in.size() < overhead()) {
      return 0;
    }
    rotate();
    const uint32_t current = current_.load(std::memory_order_acquire);
    for (const uint32_t place : {current, current - 1}) {
      const Key* key = place > current ? nullptr : keys_[place % 3].get();
      if (key != nullptr && key->isNamed(in.data())) {
        return key->open(in, out);
      }
    }
    return 0;
  }

private:
  static int64_t now() { return base::monotonicNanos() / 1'000'000'000; }

  static std::unique_ptr<Key> make() {
    uint8_t bytes[kKeyBytes];
    RAND_bytes(bytes, sizeof(bytes));
    auto key = std::make_unique<Key>(bytes);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return key;
  }

  void rotate() const {
    int64_t due = due_.load(std::memory_order_relaxed);
    const int64_t time = now();
    // Who changes `due` is the one.
    if (time < due || !due_.compare_exchange_strong(due, time + period_)) {
      return;
    }
    const uint32_t next = current_.load(std::memory_order_relaxed) + 1;
    keys_[next % 3] = make();
    current_.store(next, std::memory_order_release);
  }

  int64_t period_;
  mutable std::atomic<int64_t> due_;
  mutable std::atomic<uint32_t> current_{0};
  mutable std::array<std::unique_ptr<Key>, 3> keys_;
};

} // namespace

size_t TicketKeys::overhead() {
  return kNameBytes + Key::nonceBytes() + EVP_AEAD_max_overhead(EVP_aead_aes_256_gcm_siv());
}

absl::StatusOr<TicketKeysPtr>
readTicketKeys(const envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys& proto,
               const FieldPath& path) {
  std::vector<Key> keys;
  for (int i = 0; i < proto.keys_size(); ++i) {
    const FieldPath at = path.field("keys").index(static_cast<size_t>(i));
    const auto bytes = readSource(proto.keys(i), at);
    if (!bytes.ok()) {
      return bytes.status();
    }
    if (bytes->size() != kKeyBytes) {
      return fieldError(at, base::cat(bytes->size(), " bytes"),
                        base::cat(kKeyBytes, " random bytes, as of \"openssl rand 80\""));
    }
    keys.emplace_back(std::span<const uint8_t, kKeyBytes>(
        reinterpret_cast<const uint8_t*>(bytes->data()), kKeyBytes));
  }
  if (keys.empty()) {
    return fieldError(path.field("keys"), "none", "at least one key");
  }
  return TicketKeysPtr(std::make_shared<const FixedKeys>(std::move(keys)));
}

TicketKeysPtr makeRandomTicketKeys(int64_t periodSeconds) {
  return std::make_shared<const RandomKeys>(periodSeconds);
}

} // namespace moe::tls
