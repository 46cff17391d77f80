#include "server/filter_chain_match.h"

#include <absl/strings/ascii.h>

#include <array>

#include "base/strings.h"
#include "net/prefix.h"

namespace moe::server {
namespace {

using config::fieldError;
using config::FieldPath;
using Match = envoy::config::listener::v3::FilterChainMatch;

// The levels, from the last to the first. Each has an entry `any` for chains without a condition.

struct SourcePorts {
  absl::flat_hash_map<uint16_t, size_t> exact;
  std::optional<size_t> any;
};

template <class Next> struct ByAddress {
  net::PrefixMap<Next> ranges;
  std::unique_ptr<Next> any;

  const Next* find(const net::AddressPtr& address) const {
    if (!ranges.empty()) {
      if (const Next* next = ranges.find(net::Ip::of(*address)); next != nullptr) {
        return next;
      }
    }
    return any.get();
  }
};

template <class Next> struct ByText {
  base::StringMap<Next> exact;
  std::unique_ptr<Next> any;

  const Next* findExact(std::string_view text) const {
    const auto found = exact.find(text);
    return found == exact.end() ? nullptr : &found->second;
  }
};

using SourceAddresses = ByAddress<SourcePorts>;
struct SourceTypes {
  // By Match::ConnectionSourceType; null: no chain has it.
  std::array<std::unique_ptr<SourceAddresses>, 3> types;
};
using PeerAddresses = ByAddress<SourceTypes>;
using ApplicationProtocols = ByText<PeerAddresses>;
using TransportProtocols = ByText<ApplicationProtocols>;
struct ServerNames {
  ByText<TransportProtocols> names;
  base::StringMap<TransportProtocols> suffixes; // ".example.com" of "*.example.com"
};
using DestinationAddresses = ByAddress<ServerNames>;
struct DestinationPorts {
  absl::flat_hash_map<uint16_t, DestinationAddresses> exact;
  std::unique_ptr<DestinationAddresses> any;
};

template <class T> T& made(std::unique_ptr<T>& pointer) {
  if (pointer == nullptr) {
    pointer = std::make_unique<T>();
  }
  return *pointer;
}

// The conditions of one chain, checked.
struct Conditions {
  uint16_t destinationPort = 0; // 0: any
  std::vector<net::Prefix> destinations;
  std::vector<std::string> names;
  std::vector<std::string> suffixes;
  std::string transport;
  std::vector<std::string> applications;
  std::vector<net::Prefix> peers;
  Match::ConnectionSourceType sourceType = Match::ANY;
  std::vector<net::Prefix> sources;
  std::vector<uint16_t> sourcePorts;
};

using CidrRanges = google::protobuf::RepeatedPtrField<envoy::config::core::v3::CidrRange>;

absl::Status readRanges(const CidrRanges& ranges, const FieldPath& path,
                        std::vector<net::Prefix>& out) {
  for (int i = 0; i < ranges.size(); ++i) {
    const auto& range = ranges.Get(i);
    auto prefix = net::Prefix::parse(range.address_prefix(), range.prefix_len().value());
    if (!prefix.ok()) {
      const bool length = prefix.status().code() == absl::StatusCode::kOutOfRange;
      return fieldError(
          path.index(static_cast<size_t>(i)).field(length ? "prefix_len" : "address_prefix"),
          base::message(prefix.status()));
    }
    out.push_back(*prefix);
  }
  return absl::OkStatus();
}

absl::Status readServerNames(const Match& match, const FieldPath& path, Conditions& out) {
  for (int i = 0; i < match.server_names_size(); ++i) {
    const std::string name = absl::AsciiStrToLower(match.server_names(i));
    const bool wildcard = name.starts_with("*.");
    const std::string_view rest = std::string_view(name).substr(wildcard ? 1 : 0);
    if (rest.size() <= (wildcard ? 1 : 0) || rest.find('*') != rest.npos) {
      return fieldError(path.index(static_cast<size_t>(i)), config::inQuotes(match.server_names(i)),
                        "a name such as www.example.com or *.example.com (for every name: no "
                        "server_names)");
    }
    (wildcard ? out.suffixes : out.names).emplace_back(rest);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint16_t> readPort(uint32_t port, const FieldPath& path) {
  if (port == 0 || port > 65535) {
    return fieldError(path, base::cat(port), "1 to 65535");
  }
  return static_cast<uint16_t>(port);
}

absl::StatusOr<Conditions> readConditions(const Match& match, const FieldPath& path) {
  if (!match.address_suffix().empty()) {
    return fieldError(path.field("address_suffix"), config::inQuotes(match.address_suffix()),
                      "nothing: it was never implemented; prefix_ranges are");
  }
  if (match.has_suffix_len()) {
    return fieldError(path.field("suffix_len"), base::cat(match.suffix_len().value()),
                      "nothing: it was never implemented; prefix_ranges are");
  }
  Conditions out;
  if (match.has_destination_port()) {
    auto port = readPort(match.destination_port().value(), path.field("destination_port"));
    if (!port.ok()) {
      return port.status();
    }
    out.destinationPort = *port;
  }
  absl::Status status =
      readRanges(match.prefix_ranges(), path.field("prefix_ranges"), out.destinations);
  status.Update(readServerNames(match, path.field("server_names"), out));
  status.Update(readRanges(match.direct_source_prefix_ranges(),
                           path.field("direct_source_prefix_ranges"), out.peers));
  status.Update(
      readRanges(match.source_prefix_ranges(), path.field("source_prefix_ranges"), out.sources));
  if (!status.ok()) {
    return status;
  }
  out.transport = match.transport_protocol();
  out.applications.assign(match.application_protocols().begin(),
                          match.application_protocols().end());
  if (!Match::ConnectionSourceType_IsValid(match.source_type())) {
    return fieldError(path.field("source_type"), base::cat(int{match.source_type()}),
                      "ANY, SAME_IP_OR_LOOPBACK or EXTERNAL");
  }
  out.sourceType = match.source_type();
  for (int i = 0; i < match.source_ports_size(); ++i) {
    auto port =
        readPort(match.source_ports(i), path.field("source_ports").index(static_cast<size_t>(i)));
    if (!port.ok()) {
      return port.status();
    }
    out.sourcePorts.push_back(*port);
  }
  return out;
}

// From the same host: by its pipe, its loopback address, or the address that it came to. Only the
// loopback address itself, as in Envoy: 127.0.0.2 is not.
bool fromSameHost(const net::SocketFacts& facts) {
  if (!facts.remote->isIp()) {
    return true;
  }
  const net::Ip remote = net::Ip::of(*facts.remote);
  static constexpr net::Ip loopback4{{uint64_t{0x7f000001} << 32, 0}, false};
  static constexpr net::Ip loopback6{{0, 1}, true};
  return remote == loopback4 || remote == loopback6 ||
         (facts.local->isIp() && remote == net::Ip::of(*facts.local));
}

} // namespace

class FilterChainMatcher::Tree {
public:
  // False: a leaf is another chain's, whose index is then in `taken`.
  bool add(const Conditions& c, size_t chain) {
    chain_ = chain;
    return destinationPort(c);
  }
  size_t taken() const { return taken_; }

  std::optional<size_t> find(const net::SocketFacts& facts) const {
    const DestinationAddresses* addresses = ports_.any.get();
    if (!ports_.exact.empty() && facts.local->isIp()) {
      if (const auto port = ports_.exact.find(facts.local->port()); port != ports_.exact.end()) {
        addresses = &port->second;
      }
    }
    const ServerNames* names = addresses == nullptr ? nullptr : addresses->find(facts.local);
    const TransportProtocols* transports = names == nullptr ? nullptr : byName(*names, facts);
    const ApplicationProtocols* applications =
        transports == nullptr ? nullptr : byTransport(*transports, facts);
    const PeerAddresses* peers =
        applications == nullptr ? nullptr : byApplication(*applications, facts);
    const SourceTypes* types = peers == nullptr ? nullptr : peers->find(facts.directRemote);
    const SourceAddresses* sources = types == nullptr ? nullptr : byType(*types, facts);
    const SourcePorts* sourcePorts = sources == nullptr ? nullptr : sources->find(facts.remote);
    if (sourcePorts == nullptr) {
      return std::nullopt;
    }
    const auto port = sourcePorts->exact.find(facts.remote->port());
    return port != sourcePorts->exact.end() ? std::optional(port->second) : sourcePorts->any;
  }

private:
  // --- building: each level for each of its values

  bool destinationPort(const Conditions& c) {
    return destinations(c, c.destinationPort == 0 ? made(ports_.any)
                                                  : ports_.exact[c.destinationPort]);
  }
  bool destinations(const Conditions& c, DestinationAddresses& level) {
    return ranges(c.destinations, level, [&](ServerNames& next) { return names(c, next); });
  }
  bool names(const Conditions& c, ServerNames& level) {
    if (c.names.empty() && c.suffixes.empty()) {
      return transport(c, made(level.names.any));
    }
    for (const std::string& name : c.names) {
      if (!transport(c, level.names.exact[name])) {
        return false;
      }
    }
    for (const std::string& suffix : c.suffixes) {
      if (!transport(c, level.suffixes[suffix])) {
        return false;
      }
    }
    return true;
  }
  bool transport(const Conditions& c, TransportProtocols& level) {
    return applications(c, c.transport.empty() ? made(level.any) : level.exact[c.transport]);
  }
  bool applications(const Conditions& c, ApplicationProtocols& level) {
    if (c.applications.empty()) {
      return peers(c, made(level.any));
    }
    for (const std::string& application : c.applications) {
      if (!peers(c, level.exact[application])) {
        return false;
      }
    }
    return true;
  }
  bool peers(const Conditions& c, PeerAddresses& level) {
    return ranges(c.peers, level, [&](SourceTypes& next) {
      return sources(c, made(next.types[static_cast<size_t>(c.sourceType)]));
    });
  }
  bool sources(const Conditions& c, SourceAddresses& level) {
    return ranges(c.sources, level, [&](SourcePorts& next) { return sourcePorts(c, next); });
  }
  bool sourcePorts(const Conditions& c, SourcePorts& level) {
    if (c.sourcePorts.empty()) {
      if (!level.any.has_value()) {
        level.any = chain_;
      }
      return mine(*level.any);
    }
    for (const uint16_t port : c.sourcePorts) {
      if (!mine(level.exact.try_emplace(port, chain_).first->second)) {
        return false;
      }
    }
    return true;
  }

  template <class Next, class F>
  bool ranges(const std::vector<net::Prefix>& prefixes, ByAddress<Next>& level, F&& next) {
    if (prefixes.empty()) {
      return next(made(level.any));
    }
    for (const net::Prefix& prefix : prefixes) {
      if (!next(level.ranges.at(prefix))) {
        return false;
      }
    }
    return true;
  }

  // A chain may name the same thing twice.
  bool mine(size_t leaf) {
    taken_ = leaf;
    return leaf == chain_;
  }

  // --- finding

  static const TransportProtocols* byName(const ServerNames& level, const net::SocketFacts& facts) {
    const std::string_view name = facts.serverName;
    if (!name.empty()) {
      if (const TransportProtocols* next = level.names.findExact(name); next != nullptr) {
        return next;
      }
      // From the longest suffix to the shortest; at least a character is before and behind the dot.
      if (!level.suffixes.empty()) {
        for (size_t dot = name.find('.', 1); dot < name.size() - 1; dot = name.find('.', dot + 1)) {
          if (const auto found = level.suffixes.find(name.substr(dot));
              found != level.suffixes.end()) {
            return &found->second;
          }
        }
      }
    }
    return level.names.any.get();
  }

  static const ApplicationProtocols* byTransport(const TransportProtocols& level,
                                                 const net::SocketFacts& facts) {
    const ApplicationProtocols* next = level.findExact(facts.transport());
    return next != nullptr ? next : level.any.get();
  }

  // The client's preference decides, not the order of the chains.
  static const PeerAddresses* byApplication(const ApplicationProtocols& level,
                                            const net::SocketFacts& facts) {
    if (!level.exact.empty()) {
      for (const std::string& protocol : facts.applicationProtocols) {
        if (const PeerAddresses* next = level.findExact(protocol); next != nullptr) {
          return next;
        }
      }
    }
    return level.any.get();
  }

  static const SourceAddresses* byType(const SourceTypes& level, const net::SocketFacts& facts) {
    const auto& local = level.types[Match::SAME_IP_OR_LOOPBACK];
    const auto& external = level.types[Match::EXTERNAL];
    if (local != nullptr || external != nullptr) {
      const auto& type = fromSameHost(facts) ? local : external;
      if (type != nullptr) {
        return type.get();
      }
    }
    return level.types[Match::ANY].get();
  }

  DestinationPorts ports_;
  size_t chain_ = 0;
  size_t taken_ = 0;
};

FilterChainMatcher::FilterChainMatcher(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
FilterChainMatcher::FilterChainMatcher(FilterChainMatcher&&) noexcept = default;
FilterChainMatcher& FilterChainMatcher::operator=(FilterChainMatcher&&) noexcept = default;
FilterChainMatcher::~FilterChainMatcher() = default;

absl::StatusOr<FilterChainMatcher> FilterChainMatcher::compile(const FilterChains& chains,
                                                               const FieldPath& path) {
  const auto named = [&](size_t i) {
    const std::string& name = chains.Get(static_cast<int>(i)).name();
    return base::cat("filter_chains[", i, "]", name.empty() ? "" : base::cat(" (\"", name, "\")"));
  };
  auto tree = std::make_unique<Tree>();
  for (int i = 0; i < chains.size(); ++i) {
    const auto index = static_cast<size_t>(i);
    const FieldPath at = path.index(index).field("filter_chain_match");
    auto conditions = readConditions(chains.Get(i).filter_chain_match(), at);
    if (!conditions.ok()) {
      return conditions.status();
    }
    if (!tree->add(*conditions, index)) {
      return fieldError(at,
                        base::cat("conditions of ", named(index),
                                  " that are true of connections of ", named(tree->taken())),
                        "conditions of its own");
    }
  }
  return FilterChainMatcher(std::move(tree));
}

std::optional<size_t> FilterChainMatcher::find(const net::SocketFacts& facts) const {
  return tree_->find(facts);
}

} // namespace moe::server
