#include "server/listener_predicate.h"

#include <algorithm>

#include "base/strings.h"

namespace moe::server {

using config::fieldError;
using config::FieldPath;

absl::StatusOr<ListenerPredicate> ListenerPredicate::compile(const Proto& proto,
                                                             const FieldPath& path) {
  ListenerPredicate out;
  const auto add = [&](const Proto& rule, const FieldPath& at) {
    auto compiled = compile(rule, at);
    if (compiled.ok()) {
      out.rules_.push_back(std::move(*compiled));
    }
    return compiled.status();
  };
  const auto addAll = [&](Kind kind, const Proto::MatchSet& set, const FieldPath& at) {
    out.kind_ = kind;
    absl::Status status;
    for (int i = 0; i < set.rules_size(); ++i) {
      status.Update(add(set.rules(i), at.field("rules").index(static_cast<size_t>(i))));
    }
    return status;
  };
  absl::Status status;
  switch (proto.rule_case()) {
  case Proto::kOrMatch:
    status = addAll(Kind::Or, proto.or_match(), path.field("or_match"));
    break;
  case Proto::kAndMatch:
    status = addAll(Kind::And, proto.and_match(), path.field("and_match"));
    break;
  case Proto::kNotMatch:
    out.kind_ = Kind::Not;
    status = add(proto.not_match(), path.field("not_match"));
    break;
  case Proto::kAnyMatch:
    if (!proto.any_match()) {
      return fieldError(path.field("any_match"), "false", "true");
    }
    break;
  case Proto::kDestinationPortRange:
    out.kind_ = Kind::PortRange;
    out.start_ = proto.destination_port_range().start();
    out.end_ = proto.destination_port_range().end();
    if (out.start_ >= out.end_) {
      return fieldError(path.field("destination_port_range"),
                        base::cat(out.start_, " to ", out.end_),
                        "a start below the end, which is the first port behind the range");
    }
    break;
  case Proto::RULE_NOT_SET:
    return fieldError(path, "no rule",
                      "or_match, and_match, not_match, any_match or destination_port_range");
  }
  if (!status.ok()) {
    return status;
  }
  return out;
}

bool ListenerPredicate::matches(const net::Address& destination) const {
  const auto matching = [&](const ListenerPredicate& rule) { return rule.matches(destination); };
  switch (kind_) {
  case Kind::Any:
    return true;
  case Kind::Not:
    return !rules_.front().matches(destination);
  case Kind::Or:
    return std::any_of(rules_.begin(), rules_.end(), matching);
  case Kind::And:
    return std::all_of(rules_.begin(), rules_.end(), matching);
  case Kind::PortRange:
    return destination.isIp() && destination.port() >= start_ && destination.port() < end_;
  }
  return false;
}

} // namespace moe::server
