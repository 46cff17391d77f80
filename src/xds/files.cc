#include "xds/files.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <google/protobuf/text_format.h>

#include "base/strings.h"
#include "config/load.h"
#include "xds/nack.h"
#include "xds/resource_name.h"
#include "xds/type_urls.h"

namespace moe::xds {

using config::fieldError;
using config::FieldPath;
using envoy::config::core::v3::PathConfigSource;
using envoy::service::discovery::v3::DiscoveryResponse;

FileSource::FileSource(Options options, std::string file)
    : options_(std::move(options)), file_(std::move(file)) {
  Consumer& consumer = *this;
  subscription_ = std::make_unique<Subscription>(
      Subscription::Options{.typeUrl = options_.typeUrl,
                            .loop = options_.loop,
                            .consumer = consumer,
                            .state = createSotwState(options_.typeUrl),
                            .logger = options_.logger,
                            .stats = options_.stats,
                            .wake = [this] { options_.loop.flushLater(*this); }});
}

FileSource::~FileSource() = default;

absl::StatusOr<std::unique_ptr<FileSource>>
FileSource::create(Options options, const PathConfigSource& source, const FieldPath& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(source.path(), ignored)) {
    return fieldError(path.field("path"), config::inQuotes(source.path()), "a file that exists");
  }
  auto made = std::make_unique<FileSource>(std::move(options), source.path());
  if (absl::Status status = made->watchFolder(source, path); !status.ok()) {
    return status;
  }
  return made;
}

absl::Status FileSource::watchFolder(const PathConfigSource& source, const FieldPath& path) {
  const std::filesystem::path file(file_);
  std::string folder = file.parent_path();
  std::string only = file.filename(); // "": anything
  FieldPath at = path.field("path");
  if (source.has_watched_directory()) {
    folder = source.watched_directory().path();
    only.clear();
    at = path.field("watched_directory").field("path");
  }
  auto watch = FolderWatch::create(options_.loop, folder.empty() ? "." : folder,
                                   source.watched_directory().watch_modify(),
                                   [this, only](std::string_view name) {
                                     if (only.empty() || name.empty() || name == only) {
                                       load();
                                     }
                                   });
  if (!watch.ok()) {
    return fieldError(at, base::message(watch.status()));
  }
  watch_ = std::move(*watch);
  return absl::OkStatus();
}

void FileSource::flush() {
  // What is wanted now may have been passed over when the file was read.
  if (subscription_->settle()) {
    load();
  }
}

absl::Status FileSource::parse(DiscoveryResponse& response) {
  // As a response it would take everything away; it is rather one that somebody has begun to write.
  std::error_code unknown;
  if (std::filesystem::file_size(file_, unknown) == 0 && !unknown) {
    return absl::InvalidArgumentError(
        base::cat(file_, ": found an empty file, expected a DiscoveryResponse"));
  }
  const std::string extension = std::filesystem::path(file_).extension();
  if (extension != ".pb" && extension != ".pb_text") {
    return config::loadFile(file_, response, &places_);
  }
  std::ifstream in(file_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const bool parsed =
      in && (extension == ".pb" ? response.ParseFromString(bytes)
                                : google::protobuf::TextFormat::ParseFromString(bytes, &response));
  return parsed ? absl::OkStatus()
                : absl::InvalidArgumentError(base::cat(
                      file_, ": found bytes that do not parse, expected a DiscoveryResponse"));
}

void FileSource::load() {
  places_ = config::LocationMap();
  indexes_.clear();
  DiscoveryResponse response;
  if (absl::Status status = parse(response); !status.ok()) {
    std::string_view what = base::message(status);
    if (options_.typeUrl == kSecretType) { // what was found may be the secret
      what = what.substr(0, what.find(": found"));
    }
    NackText text;
    text.add("", what);
    subscription_->onRefused(text.str());
  } else {
    for (int i = 0; i < response.resources_size(); ++i) {
      if (auto name = resourceName(response.resources(i)); name.ok()) {
        indexes_.try_emplace(*name, i);
      }
    }
    subscription_->onResponse(response);
  }
  places_ = config::LocationMap();
  indexes_.clear();
}

std::string FileSource::located(std::string_view name, std::string_view text) const {
  const auto at = indexes_.find(name);
  if (at == indexes_.end()) {
    return std::string(text);
  }
  // An error begins with its path; where it does not, the resource's place is the nearest.
  const std::string path =
      base::cat("resources[", at->second, "].", text.substr(0, text.find(": ")));
  const auto place = places_.find(path);
  return place ? base::cat(place->str(), ": ", text) : std::string(text);
}

void FileSource::onUpdate(const Update& update, Refusals& refusals) {
  Refusals plain;
  options_.consumer.onUpdate(update, plain);
  for (const auto& [name, text] : plain.errors()) {
    plain.mayPass(name) ? refusals.addPassing(name, located(name, text))
                        : refusals.add(name, located(name, text));
  }
}

} // namespace moe::xds
