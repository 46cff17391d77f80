#include "proxy/underscores.h"

#include <algorithm>

namespace moe::proxy {
namespace {

bool hasUnderscore(const http::HeaderMap::Entry& entry) {
  return entry.name().find('_') != std::string_view::npos;
}

} // namespace

Underscores::Underscores(const stats::Scope& root, Action action)
    : action_(action), http1_(root.child("http1")), http2_(root.child("http2")) {}

bool Underscores::apply(http::HeaderMap& headers, bool http2) const {
  const Stats& stats = http2 ? http2_ : http1_;
  if (action_ == Action::Drop) {
    if (const size_t dropped = headers.removeIf(hasUnderscore); dropped != 0) {
      stats.dropped.add(dropped);
    }
    return true;
  }
  if (std::none_of(headers.entries().begin(), headers.entries().end(), hasUnderscore)) {
    return true;
  }
  stats.rejected.inc();
  return false;
}

} // namespace moe::proxy
