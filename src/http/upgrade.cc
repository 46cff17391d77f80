#include "http/upgrade.h"

#include "http/codec/http1_tokens.h"

namespace moe::http {

bool isUpgrade(const HeaderMap& headers) {
  if (!headers.has(HeaderId::Upgrade) || !headers.has(HeaderId::Connection)) {
    return false;
  }
  bool found = false;
  for (const HeaderMap::Entry& entry : headers.entries()) {
    if (entry.id == HeaderId::Connection) {
      forEachListItem(entry.value(), [&](std::string_view item) {
        found = found || equalsIgnoreCase(item, "upgrade");
      });
    }
  }
  return found;
}

} // namespace moe::http
