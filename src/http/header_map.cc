#include "http/header_map.h"

#include <charconv>
#include <cstring>

#include "http/codec/http1_tokens.h"

namespace moe::http {
namespace {

constexpr uint64_t bit(HeaderId id) { return uint64_t{1} << static_cast<unsigned>(id); }

} // namespace

void HeaderMap::addEntry(HeaderId id, std::string_view name, std::string_view value) {
  entries_.push_back({name.data(), value.data(), static_cast<uint32_t>(name.size()),
                      static_cast<uint32_t>(value.size()), id});
  present_ |= bit(id);
  bytes_ += name.size() + value.size();
}

HeaderMap::Entry* HeaderMap::find(HeaderId id) {
  if ((present_ & bit(id)) == 0) {
    return nullptr;
  }
  for (Entry& entry : entries_) {
    if (entry.id == id) {
      return &entry;
    }
  }
  return nullptr;
}

const HeaderMap::Entry* HeaderMap::find(HeaderId id) const {
  return const_cast<HeaderMap*>(this)->find(id);
}

const HeaderMap::Entry* HeaderMap::find(std::string_view name) const {
  const HeaderId id = headerIdOf(name);
  if (id != HeaderId::Other) {
    return find(id);
  }
  for (const Entry& entry : entries_) {
    if (entry.nameSize == name.size() && entry.id == HeaderId::Other && entry.name() == name) {
      return &entry;
    }
  }
  return nullptr;
}

std::optional<std::string_view> HeaderMap::get(HeaderId id) const {
  const Entry* entry = find(id);
  return entry == nullptr ? std::nullopt : std::optional(entry->value());
}

std::optional<std::string_view> HeaderMap::get(std::string_view name) const {
  const Entry* entry = find(name);
  return entry == nullptr ? std::nullopt : std::optional(entry->value());
}

std::string_view HeaderMap::value(HeaderId id) const {
  const Entry* entry = find(id);
  return entry == nullptr ? std::string_view() : entry->value();
}

size_t HeaderMap::count(HeaderId id) const {
  size_t n = 0;
  if (has(id)) {
    for (const Entry& entry : entries_) {
      n += entry.id == id ? 1 : 0;
    }
  }
  return n;
}

std::optional<std::string_view> HeaderMap::joined(std::string_view name,
                                                  std::string& storage) const {
  const Entry* first = find(name);
  if (first == nullptr) {
    return std::nullopt;
  }
  bool several = false;
  for (const Entry* entry = first + 1; entry < entries_.data() + entries_.size(); ++entry) {
    if (entry->name() != name) {
      continue;
    }
    if (!several) {
      storage.assign(first->value());
      several = true;
    }
    storage.append(",").append(entry->value());
  }
  return several ? std::string_view(storage) : first->value();
}

uint32_t HeaderMap::status() const {
  const std::string_view text = value(HeaderId::Status);
  uint32_t status = 0;
  for (const char c : text) {
    if (text.size() != 3 || c < '0' || c > '9') {
      return 0;
    }
    status = status * 10 + static_cast<uint32_t>(c - '0');
  }
  return status;
}

std::optional<uint64_t> HeaderMap::contentLength() const {
  const Entry* entry = find(HeaderId::ContentLength);
  if (entry == nullptr) {
    return std::nullopt;
  }
  const std::string_view text = entry->value();
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return UINT64_MAX;
  }
  return length;
}

std::string_view HeaderMap::copy(std::string_view bytes) {
  base::Slice slice = slab_.copy(bytes);
  retain(slice.block);
  return slice.view();
}

void HeaderMap::retain(const base::BlockRef& block) {
  for (const base::BlockRef& held : blocks_) {
    if (held == block) {
      return;
    }
  }
  blocks_.push_back(block);
}

void HeaderMap::copyTogether() {
  size_t size = bytes_;
  for (size_t i = 0; originals_ != nullptr && i < originals_->names.size(); ++i) {
    size += originals_->names[i].size();
  }
  base::Slice whole = slab_.allocate(size);
  char* at = whole.data;
  auto moved = [&at](const char* bytes, size_t n) {
    std::memcpy(at, bytes, n);
    at += n;
    return at - n;
  };
  for (Entry& entry : entries_) {
    if (entry.id == HeaderId::Other && entry.nameSize != 0) { // other names outlive every map
      entry.nameData = moved(entry.nameData, entry.nameSize);
    }
    if (entry.valueSize != 0) {
      entry.valueData = moved(entry.valueData, entry.valueSize);
    }
  }
  for (size_t i = 0; originals_ != nullptr && i < originals_->names.size(); ++i) {
    std::string_view& name = originals_->names[i];
    name = {moved(name.data(), name.size()), name.size()};
  }
  blocks_.clear();
  blocks_.push_back(std::move(whole.block));
}

void HeaderMap::add(std::string_view name, std::string_view value) {
  const HeaderId id = headerIdOf(name);
  addEntry(id, id == HeaderId::Other ? copy(name) : headerName(id), copy(value));
}

void HeaderMap::addNumber(HeaderId id, uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number);
  add(id, std::string_view(digits, static_cast<size_t>(end.ptr - digits)));
}

void HeaderMap::setStatic(HeaderId id, std::string_view value) {
  Entry* first = find(id);
  if (first == nullptr) {
    addEntry(id, headerName(id), value);
    return;
  }
  bytes_ += value.size();
  bytes_ -= first->valueSize;
  first->valueData = value.data();
  first->valueSize = static_cast<uint32_t>(value.size());
  if (count(id) > 1) {
    removeIf([first, id](const Entry& e) { return e.id == id && &e != first; });
  }
}

void HeaderMap::set(HeaderId id, std::string_view value) { setStatic(id, copy(value)); }

void HeaderMap::set(std::string_view name, std::string_view value) {
  const HeaderId id = headerIdOf(name);
  if (id != HeaderId::Other) {
    set(id, value);
    return;
  }
  auto* first = const_cast<Entry*>(find(name));
  if (first == nullptr) {
    add(name, value);
    return;
  }
  const std::string_view copied = copy(value);
  bytes_ += copied.size();
  bytes_ -= first->valueSize;
  first->valueData = copied.data();
  first->valueSize = static_cast<uint32_t>(copied.size());
  removeIf([first, name](const Entry& e) { return &e != first && e.name() == name; });
}

void HeaderMap::setNumber(HeaderId id, uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number);
  set(id, std::string_view(digits, static_cast<size_t>(end.ptr - digits)));
}

void HeaderMap::setStatus(uint32_t status) { setNumber(HeaderId::Status, status); }

void HeaderMap::appendValue(HeaderId id, std::string_view value) {
  Entry* first = find(id);
  if (first == nullptr) {
    add(id, value);
    return;
  }
  const Entry* end = entries_.data() + entries_.size();
  size_t size = value.size();
  for (const Entry* entry = first; entry != end; ++entry) {
    size += entry->id == id ? entry->valueSize + 1 : 0;
  }
  base::Slice joined = slab_.allocate(size);
  char* at = joined.data;
  for (const Entry* entry = first; entry != end; ++entry) {
    if (entry->id == id) {
      std::memcpy(at, entry->valueData, entry->valueSize);
      at += entry->valueSize;
      *at++ = ',';
    }
  }
  std::memcpy(at, value.data(), value.size());
  retain(joined.block);
  setStatic(id, joined.view());
}

size_t HeaderMap::remove(HeaderId id) {
  return has(id) ? removeIf([id](const Entry& e) { return e.id == id; }) : 0;
}

size_t HeaderMap::remove(std::string_view name) {
  const HeaderId id = headerIdOf(name);
  if (id != HeaderId::Other) {
    return remove(id);
  }
  return removeIf([name](const Entry& e) { return e.name() == name; });
}

void HeaderMap::keepCase(std::string_view originalName, bool properElse) {
  if (originals_ == nullptr) {
    originals_ = std::make_unique<Originals>();
    originals_->properElse = properElse;
  }
  originals_->names.push_back(copy(originalName));
}

std::optional<std::string_view> HeaderMap::originalName(std::string_view lowerCaseName) const {
  for (const std::string_view name : originals_->names) {
    if (equalsIgnoreCase(name, lowerCaseName)) {
      return name;
    }
  }
  return std::nullopt;
}

void HeaderMap::copyFrom(const HeaderMap& other) {
  if (other.originals_ != nullptr) {
    for (const std::string_view name : other.originals_->names) {
      keepCase(name, other.originals_->properElse);
    }
  }
  for (const Entry& entry : other.entries_) {
    addEntry(entry.id, entry.id == HeaderId::Other ? copy(entry.name()) : entry.name(),
             copy(entry.value()));
  }
}

void HeaderMap::clear() {
  entries_.clear();
  blocks_.clear();
  originals_ = nullptr;
  present_ = 0;
  bytes_ = 0;
}

HeaderMapPtr HeaderMapPool::make() {
  if (idle_.empty()) {
    return HeaderMapPtr(std::make_unique<HeaderMap>(slab_).release(), Returner{this});
  }
  HeaderMap* map = idle_.back().release();
  idle_.pop_back();
  return HeaderMapPtr(map, Returner{this});
}

void HeaderMapPool::put(std::unique_ptr<HeaderMap> map) {
  constexpr size_t kMaxIdle = 128;
  map->clear();
  if (idle_.size() < kMaxIdle) {
    idle_.push_back(std::move(map));
  }
}

} // namespace moe::http
