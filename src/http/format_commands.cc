#include "http/format_commands.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "base/strings.h"
#include "http/tls_commands.h"

namespace moe::http {
namespace {

using Command = std::function<void(const FormatContext&, std::string&)>;

struct Parsed {
  std::string_view name;
  std::string_view argument; // between the parentheses
  bool hasArgument = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

void number(uint64_t value, std::string& out) { out += base::cat(value); }

void millis(int64_t from, int64_t to, std::string& out) {
  if (from != 0 && to != 0 && to >= from) {
    number(static_cast<uint64_t>((to - from) / 1'000'000), out);
  }
}

// X?Y: the first header, or else the second.
Command headerCommand(const HeaderMap* FormatContext::* which, std::string_view argument) {
  const size_t question = argument.find('?');
  std::string first = lower(argument.substr(0, question));
  std::string second =
      question == std::string_view::npos ? std::string() : lower(argument.substr(question + 1));
  return [which, first = std::move(first), second = std::move(second)](const FormatContext& c,
                                                                       std::string& out) {
    const HeaderMap* map = c.*which;
    if (map == nullptr) {
      return;
    }
    if (const auto value = map->get(first)) {
      out.append(*value);
    } else if (!second.empty()) {
      out.append(map->get(second).value_or(""));
    }
  };
}

enum class Part { All, Ip, Port };
Command addressCommand(net::AddressPtr StreamInfo::* which, Part part) {
  return [which, part](const FormatContext& c, std::string& out) {
    const net::AddressPtr& address = c.info.*which;
    if (address == nullptr) {
      return;
    }
    if (part == Part::Port) {
      number(address->port(), out);
    } else {
      out.append(part == Part::Ip && address->isIp() ? address->ip() : address->asString());
    }
  };
}

// DYNAMIC_METADATA(namespace:key:key...): strings as they are, the rest as JSON.
Command metadataCommand(std::string_view argument) {
  std::vector<std::string> keys;
  while (true) {
    const size_t colon = argument.find(':');
    keys.emplace_back(argument.substr(0, colon));
    if (colon == std::string_view::npos) {
      break;
    }
    argument.remove_prefix(colon + 1);
  }
  return [keys = std::move(keys)](const FormatContext& c, std::string& out) {
    const Metadata* metadata = c.info.dynamicMetadataOrNull();
    if (metadata == nullptr) {
      return;
    }
    const auto found = metadata->find(keys.front());
    if (found == metadata->end()) {
      return;
    }
    const google::protobuf::Struct* fields = &found->second;
    const google::protobuf::Value* value = nullptr;
    for (size_t i = 1; i < keys.size(); ++i) {
      if (fields == nullptr) {
        return;
      }
      const auto field = fields->fields().find(keys[i]);
      if (field == fields->fields().end()) {
        return;
      }
      value = &field->second;
      fields = value->has_struct_value() ? &value->struct_value() : nullptr;
    }
    if (value != nullptr && value->kind_case() == google::protobuf::Value::kStringValue) {
      out.append(value->string_value());
      return;
    }
    std::string json;
    const google::protobuf::Message& message =
        value == nullptr ? static_cast<const google::protobuf::Message&>(*fields) : *value;
    if (google::protobuf::util::MessageToJsonString(message, &json).ok()) {
      out.append(json);
    }
  };
}

std::string hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data())
                                                          : std::string();
}

// Commands with an argument.
bool argumentCommand(const Parsed& parsed, FormatPiece& piece) {
  if (parsed.name == "REQ") {
    piece.command = headerCommand(&FormatContext::request, parsed.argument);
  } else if (parsed.name == "RESP") {
    piece.command = headerCommand(&FormatContext::response, parsed.argument);
  } else if (parsed.name == "TRAILER") {
    piece.command = headerCommand(&FormatContext::trailers, parsed.argument);
  } else if (parsed.name == "START_TIME") {
    piece.command = [format = std::string(parsed.argument)](const FormatContext& c,
                                                            std::string& out) {
      appendTime(format, c.info.startWallNanos, out);
    };
  } else if (parsed.name == "DYNAMIC_METADATA") {
    piece.command = metadataCommand(parsed.argument);
  } else if (parsed.name == "FILTER_STATE") {
    std::string key(parsed.argument.substr(0, parsed.argument.find(':')));
    piece.command = [key = std::move(key)](const FormatContext& c, std::string& out) {
      const StreamInfo::FilterState* state = c.info.filterStateOrNull();
      if (state != nullptr) {
        if (const auto found = state->find(key); found != state->end()) {
          out.append(found->second->serialize());
        }
      }
    };
  } else {
    return tlsCommand(parsed.name, parsed.argument, piece);
  }
  return true;
}

bool addressCommands(std::string_view name, FormatPiece& piece) {
  struct Kind {
    std::string_view name;
    net::AddressPtr StreamInfo::* address;
  };
  constexpr std::string_view withoutPort = "_WITHOUT_PORT";
  constexpr std::string_view port = "_PORT";
  static constexpr Kind kinds[] = {
      {"DOWNSTREAM_REMOTE_ADDRESS", &StreamInfo::downstreamRemote},
      {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", &StreamInfo::downstreamDirectRemote},
      {"DOWNSTREAM_LOCAL_ADDRESS", &StreamInfo::downstreamLocal},
      {"UPSTREAM_REMOTE_ADDRESS", &StreamInfo::upstreamRemote},
      {"UPSTREAM_HOST", &StreamInfo::upstreamRemote},
      {"UPSTREAM_LOCAL_ADDRESS", &StreamInfo::upstreamLocal},
  };
  for (const Kind& kind : kinds) {
    if (name == kind.name) {
      piece.command = addressCommand(kind.address, Part::All);
      return true;
    }
    if (name.starts_with(kind.name) && name.substr(kind.name.size()) == withoutPort) {
      piece.command = addressCommand(kind.address, Part::Ip);
      return true;
    }
    // DOWNSTREAM_LOCAL_PORT, DOWNSTREAM_REMOTE_PORT, ...
    constexpr std::string_view suffix = "_ADDRESS";
    if (kind.name.ends_with(suffix) &&
        name == base::cat(kind.name.substr(0, kind.name.size() - suffix.size()), port)) {
      piece.command = addressCommand(kind.address, Part::Port);
      piece.numeric = true;
      return true;
    }
  }
  return false;
}

bool numberCommands(std::string_view name, FormatPiece& piece) {
  using Number = void (*)(const StreamInfo&, std::string&);
  struct Entry {
    std::string_view name;
    Number append;
  };
  static constexpr Entry entries[] = {
      {"RESPONSE_CODE", [](const StreamInfo& i, std::string& o) { number(i.responseCode, o); }},
      {"BYTES_RECEIVED", [](const StreamInfo& i, std::string& o) { number(i.bytesReceived, o); }},
      {"BYTES_SENT", [](const StreamInfo& i, std::string& o) { number(i.bytesSent, o); }},
      {"CONNECTION_ID", [](const StreamInfo& i, std::string& o) { number(i.connectionId, o); }},
      // Ours: time spent in calls to Go so far, in microseconds.
      {"MOE_GO_DURATION_US",
       [](const StreamInfo& i, std::string& o) { number(i.nanosInGo / 1000, o); }},
      {"UPSTREAM_REQUEST_ATTEMPT_COUNT",
       [](const StreamInfo& i, std::string& o) { number(i.attemptCount, o); }},
      {"DURATION", [](const StreamInfo& i,
                      std::string& o) { millis(i.startNanos, i.responseCompleteNanos, o); }},
      {"REQUEST_DURATION", [](const StreamInfo& i,
                              std::string& o) { millis(i.startNanos, i.requestCompleteNanos, o); }},
      {"RESPONSE_DURATION",
       [](const StreamInfo& i, std::string& o) {
         millis(i.startNanos, i.upstreamFirstByteNanos, o);
       }},
      {"RESPONSE_TX_DURATION",
       [](const StreamInfo& i, std::string& o) {
         millis(i.upstreamFirstByteNanos, i.responseCompleteNanos, o);
       }},
  };
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      piece.command = [append = entry.append](const FormatContext& c, std::string& out) {
        append(c.info, out);
      };
      piece.numeric = true;
      return true;
    }
  }
  return false;
}

bool textCommands(std::string_view name, FormatPiece& piece) {
  using Text = std::string_view (*)(const StreamInfo&);
  struct Entry {
    std::string_view name;
    Text text;
  };
  static constexpr Entry entries[] = {
      {"PROTOCOL",
       [](const StreamInfo& i) {
         return i.protocolKnown ? protocolName(i.protocol) : std::string_view();
       }},
      {"RESPONSE_CODE_DETAILS",
       [](const StreamInfo& i) { return std::string_view(i.responseCodeDetails); }},
      // None of our filters ends a connection for a reason that it has words for.
      {"CONNECTION_TERMINATION_DETAILS", [](const StreamInfo&) { return std::string_view(); }},
      {"UPSTREAM_CLUSTER", [](const StreamInfo& i) { return i.upstreamCluster; }},
      {"UPSTREAM_CLUSTER_RAW", [](const StreamInfo& i) { return i.upstreamCluster; }},
      {"UPSTREAM_TRANSPORT_FAILURE_REASON",
       [](const StreamInfo& i) { return std::string_view(i.upstreamFailureReason); }},
      {"ROUTE_NAME", [](const StreamInfo& i) { return i.routeName; }},
      {"VIRTUAL_CLUSTER_NAME", [](const StreamInfo& i) { return i.virtualClusterName; }},
      {"REQUESTED_SERVER_NAME", [](const StreamInfo& i) { return i.requestedServerName(); }},
      {"FILTER_CHAIN_NAME", [](const StreamInfo& i) { return i.filterChainName; }},
  };
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      piece.command = [text = entry.text](const FormatContext& c, std::string& out) {
        out.append(text(c.info));
      };
      return true;
    }
  }
  if (name == "RESPONSE_FLAGS") {
    piece.command = [](const FormatContext& c, std::string& out) {
      appendResponseFlags(c.info.responseFlags, out);
    };
    return true;
  }
  if (name == "LOCAL_REPLY_BODY") {
    piece.mayBeEmpty = true;
    piece.command = [](const FormatContext& c, std::string& out) { out.append(c.localReplyBody); };
    return true;
  }
  if (name == "HOSTNAME") {
    piece.command = [host = hostname()](const FormatContext&, std::string& out) {
      out.append(host);
    };
    return true;
  }
  return false;
}

} // namespace

void appendTime(std::string_view format, int64_t nanos, std::string& out) {
  if (format.empty()) {
    format = "%Y-%m-%dT%H:%M:%S.%3fZ";
  }
  const std::time_t seconds = nanos / 1'000'000'000;
  std::string filled;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 2 < format.size() && format[i + 1] >= '1' && format[i + 1] <= '9' &&
        format[i + 2] == 'f') {
      std::string digits = base::cat(nanos % 1'000'000'000);
      digits.insert(0, 9 - digits.size(), '0');
      filled.append(digits, 0, static_cast<size_t>(format[i + 1] - '0'));
      i += 2;
    } else if (format[i] == '%' && i + 1 < format.size() && format[i + 1] == 's') {
      filled += base::cat(static_cast<int64_t>(seconds));
      ++i;
    } else {
      filled.push_back(format[i]);
    }
  }
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 256> text;
  out.append(text.data(), std::strftime(text.data(), text.size(), filled.c_str(), &utc));
}

void appendResponseFlags(uint32_t flags, std::string& out) {
  constexpr std::string_view names[] = {"LH",  "UH",  "UT",    "LR", "UR",   "UF", "UC",  "UO",
                                        "NR",  "DI",  "FI",    "RL", "UAEX", "DC", "URX", "SI",
                                        "DPE", "UPE", "UMSDR", "NC", "OM",   "DO", "NFCF"};
  bool first = true;
  for (size_t i = 0; i < std::size(names); ++i) {
    if ((flags >> i & 1) != 0) {
      out.append(first ? "" : ",").append(names[i]);
      first = false;
    }
  }
}

absl::StatusOr<std::vector<FormatPiece>> parseFormat(std::string_view text) {
  std::vector<FormatPiece> pieces;
  std::string literal;
  const auto flushLiteral = [&] {
    if (!literal.empty()) {
      pieces.push_back({std::exchange(literal, {}), nullptr});
    }
  };
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] != '%') {
      literal.push_back(text[at++]);
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '%') {
      literal.push_back('%');
      at += 2;
      continue;
    }
    // %NAME%, %NAME(argument)%, %NAME(argument):length%; the argument may hold '%'.
    const auto bad = [&](std::string_view why) {
      return absl::InvalidArgumentError(
          base::cat("format: ", why, " at position ", at, ": \"", text.substr(at, 40), "\""));
    };
    Parsed parsed;
    size_t end = text.find_first_of("%(:", at + 1);
    if (end == std::string_view::npos) {
      return bad("a command without its closing %");
    }
    parsed.name = text.substr(at + 1, end - at - 1);
    if (text[end] == '(') {
      const size_t close = text.find(')', end);
      if (close == std::string_view::npos) {
        return bad("a command without its closing )");
      }
      parsed.argument = text.substr(end + 1, close - end - 1);
      parsed.hasArgument = true;
      end = close + 1;
    }
    FormatPiece piece;
    if (end < text.size() && text[end] == ':') {
      const size_t close = text.find('%', end);
      if (close == std::string_view::npos) {
        return bad("a command without its closing %");
      }
      const std::string_view digits = text.substr(end + 1, close - end - 1);
      if (std::from_chars(digits.data(), digits.data() + digits.size(), piece.maxLength).ptr !=
              digits.data() + digits.size() ||
          digits.empty()) {
        return bad("a length that is no number");
      }
      end = close;
    }
    if (end >= text.size() || text[end] != '%') {
      return bad("a command without its closing %");
    }
    const bool known =
        parsed.name == "START_TIME" || parsed.hasArgument
            ? argumentCommand(parsed, piece)
            : addressCommands(parsed.name, piece) || numberCommands(parsed.name, piece) ||
                  textCommands(parsed.name, piece) || tlsCommand(parsed.name, {}, piece);
    if (!known) {
      return bad(base::cat("unknown command ", parsed.name));
    }
    flushLiteral();
    pieces.push_back(std::move(piece));
    at = end + 1;
  }
  flushLiteral();
  return pieces;
}

} // namespace moe::http
