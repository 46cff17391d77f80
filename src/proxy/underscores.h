#pragma once

#include "http/header_map.h"
#include "stats/stats.h"

namespace moe::proxy {

// common_http_protocol_options.headers_with_underscores_action: to some servers "a_b" and "a-b" are
// one header. Counted per version, below "http1." and "http2.".
class Underscores {
public:
  enum class Action { Reject, Drop };

  Underscores(const stats::Scope& root, Action action);

  // False: the message is to be refused.
  bool apply(http::HeaderMap& headers, bool http2) const;

private:
  struct Stats {
    explicit Stats(const stats::Scope& scope)
        : dropped(scope.counter("dropped_headers_with_underscores")),
          rejected(scope.counter("requests_rejected_with_underscores_in_headers")) {}
    stats::Counter& dropped;
    stats::Counter& rejected;
  };
  Action action_;
  Stats http1_;
  Stats http2_;
};

} // namespace moe::proxy
