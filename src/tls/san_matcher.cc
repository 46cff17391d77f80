#include "tls/san_matcher.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/strings.h"
#include "tls/x509.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::equalNoCase;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using StringMatcher = envoy::type::matcher::v3::StringMatcher;

// The kinds that a matcher of the deprecated form stands for.
constexpr int kUntypedKinds[] = {GEN_DNS, GEN_URI, GEN_EMAIL, GEN_IPADD};

// "::0001" as certificates' addresses are written, "::1"; other texts as they are.
std::string canonicalAddress(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  char canonical[INET6_ADDRSTRLEN];
  const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, text.c_str(), bytes) != 1 ||
      inet_ntop(family, bytes, canonical, sizeof(canonical)) == nullptr) {
    return text;
  }
  return canonical;
}

absl::StatusOr<config::TextMatcher> compileFor(int kind, const StringMatcher& matcher,
                                               const FieldPath& path) {
  if (matcher.match_pattern_case() == StringMatcher::kExact) {
    if (kind == GEN_DNS) {
      return [name = matcher.exact()](std::string_view pattern) {
        return dnsNameMatches(name, pattern);
      };
    }
    if (kind == GEN_IPADD) {
      return [address = canonicalAddress(matcher.exact())](std::string_view value) {
        return equalNoCase(address, value);
      };
    }
  }
  return config::compileText(matcher, path);
}

std::string aboutOf(int kind, const StringMatcher& matcher) {
  const auto about = [&](std::string_view how, std::string_view what) {
    return base::cat(kindName(kind), " ", how, " ", inQuotes(what));
  };
  switch (matcher.match_pattern_case()) {
  case StringMatcher::kExact:
    return about("exact", matcher.exact());
  case StringMatcher::kPrefix:
    return about("prefix", matcher.prefix());
  case StringMatcher::kSuffix:
    return about("suffix", matcher.suffix());
  case StringMatcher::kContains:
    return about("contains", matcher.contains());
  default:
    return about("safe_regex", matcher.safe_regex().regex());
  }
}

absl::StatusOr<int> kindOf(const v3::SubjectAltNameMatcher& proto, const FieldPath& path) {
  switch (proto.san_type()) {
  case v3::SubjectAltNameMatcher::EMAIL:
    return GEN_EMAIL;
  case v3::SubjectAltNameMatcher::DNS:
    return GEN_DNS;
  case v3::SubjectAltNameMatcher::URI:
    return GEN_URI;
  case v3::SubjectAltNameMatcher::IP_ADDRESS:
    return GEN_IPADD;
  case v3::SubjectAltNameMatcher::OTHER_NAME:
    return GEN_OTHERNAME;
  default:
    return fieldError(path.field("san_type"),
                      v3::SubjectAltNameMatcher::SanType_Name(proto.san_type()),
                      "EMAIL, DNS, URI, IP_ADDRESS or OTHER_NAME");
  }
}

// The leftmost label and the rest behind its dot; an empty rest where there is no dot.
std::pair<std::string_view, std::string_view> splitLabel(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::pair(name, std::string_view())
                                       : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

} // namespace

std::string_view kindName(int kind) {
  switch (kind) {
  case GEN_DNS:
    return "DNS";
  case GEN_URI:
    return "URI";
  case GEN_EMAIL:
    return "e-mail";
  case GEN_IPADD:
    return "IP address";
  default:
    return "other name";
  }
}

absl::StatusOr<SanMatcher> SanMatcher::compile(const v3::SubjectAltNameMatcher& proto,
                                               const FieldPath& path) {
  const auto kind = kindOf(proto, path);
  if (!kind.ok()) {
    return kind.status();
  }
  auto text = compileFor(*kind, proto.matcher(), path.field("matcher"));
  if (!text.ok()) {
    return text.status();
  }
  SanMatcher matcher(*kind, std::move(*text), aboutOf(*kind, proto.matcher()));
  if (*kind == GEN_OTHERNAME) {
    bssl::UniquePtr<ASN1_OBJECT> oid(OBJ_txt2obj(proto.oid().c_str(), /*dont_search_names=*/0));
    if (oid == nullptr) {
      ERR_clear_error();
      return fieldError(path.field("oid"), inQuotes(proto.oid()),
                        "an object identifier such as 1.3.6.1.4.1.311.20.2.3");
    }
    matcher.oid_ = std::shared_ptr<const ASN1_OBJECT>(std::move(oid));
  }
  return matcher;
}

SanMatcher SanMatcher::dns(std::string name) {
  std::string about = base::cat("DNS exact ", inQuotes(name));
  return {
      GEN_DNS,
      [name = std::move(name)](std::string_view pattern) { return dnsNameMatches(name, pattern); },
      std::move(about)};
}

bool SanMatcher::matches(const GENERAL_NAME& name) const {
  if (name.type != kind_ ||
      (kind_ == GEN_OTHERNAME && OBJ_cmp(name.d.otherName->type_id, oid_.get()) != 0)) {
    return false;
  }
  return text_(nameText(name));
}

absl::StatusOr<std::vector<SanMatcher>>
compileSanMatchers(const v3::CertificateValidationContext& proto, const FieldPath& path) {
  std::vector<SanMatcher> matchers;
  for (int i = 0; i < proto.match_typed_subject_alt_names_size(); ++i) {
    auto matcher = SanMatcher::compile(
        proto.match_typed_subject_alt_names(i),
        path.field("match_typed_subject_alt_names").index(static_cast<size_t>(i)));
    if (!matcher.ok()) {
      return matcher.status();
    }
    matchers.push_back(std::move(*matcher));
  }
  if (!matchers.empty()) {
    return matchers;
  }
  for (int i = 0; i < proto.match_subject_alt_names_size(); ++i) {
    v3::SubjectAltNameMatcher typed;
    *typed.mutable_matcher() = proto.match_subject_alt_names(i);
    const FieldPath at = path.field("match_subject_alt_names").index(static_cast<size_t>(i));
    for (const int kind : kUntypedKinds) {
      typed.set_san_type(kind == GEN_DNS     ? v3::SubjectAltNameMatcher::DNS
                         : kind == GEN_URI   ? v3::SubjectAltNameMatcher::URI
                         : kind == GEN_EMAIL ? v3::SubjectAltNameMatcher::EMAIL
                                             : v3::SubjectAltNameMatcher::IP_ADDRESS);
      auto matcher = SanMatcher::compile(typed, at);
      if (!matcher.ok()) {
        return matcher.status();
      }
      matchers.push_back(std::move(*matcher));
    }
  }
  return matchers;
}

bool matchesAny(std::span<const SanMatcher> matchers, const X509& certificate) {
  const GeneralNamesPtr names = alternativeNames(certificate);
  if (names == nullptr) {
    return false;
  }
  for (const GENERAL_NAME* name : names.get()) {
    for (const SanMatcher& matcher : matchers) {
      if (matcher.matches(*name)) {
        return true;
      }
    }
  }
  return false;
}

bool namesAny(std::span<const std::string> wanted, const X509& certificate) {
  const GeneralNamesPtr names = alternativeNames(certificate);
  if (names == nullptr) {
    return false;
  }
  for (const GENERAL_NAME* name : names.get()) {
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL &&
        name->type != GEN_IPADD) {
      continue;
    }
    const std::string text = nameText(*name);
    for (const std::string& one : wanted) {
      if (name->type == GEN_DNS ? dnsNameMatches(one, text) : one == text) {
        return true;
      }
    }
  }
  return false;
}

bool dnsNameMatches(std::string_view name, std::string_view pattern) {
  if (equalNoCase(name, pattern)) {
    return true;
  }
  const auto [label, rest] = splitLabel(name);
  const auto [glob, patternRest] = splitLabel(pattern);
  const size_t star = glob.find('*');
  if (rest.empty() || label.empty() || star == std::string_view::npos ||
      glob.find('*', star + 1) != std::string_view::npos ||
      patternRest.find('*') != std::string_view::npos || !equalNoCase(rest, patternRest)) {
    return false;
  }
  // A wildcard inside an internationalised label would match its encoding, not its letters.
  if (glob.size() > 1 &&
      (config::startsWithNoCase(glob, "xn--") || config::startsWithNoCase(label, "xn--"))) {
    return false;
  }
  const std::string_view before = glob.substr(0, star);
  const std::string_view after = glob.substr(star + 1);
  return label.size() + 1 >= glob.size() && config::startsWithNoCase(label, before) &&
         equalNoCase(label.substr(label.size() - after.size()), after);
}

} // namespace moe::tls
