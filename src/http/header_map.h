#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/slab.h"
#include "http/header_id.h"

namespace moe::http {

// Headers or trailers of one message, in order, names in lower case, duplicates as separate
// entries.
//
// Entries are views: into blocks that the map keeps alive (retain), into the worker's slab where it
// copied them, or into memory that outlives everything (addStatic). A view got from here is valid
// until the map is cleared or destroyed, also after its entry was removed. One worker's thread
// only.
class HeaderMap {
public:
  struct Entry {
    const char* nameData;
    const char* valueData;
    uint32_t nameSize;
    uint32_t valueSize;
    HeaderId id;

    std::string_view name() const { return {nameData, nameSize}; }
    std::string_view value() const { return {valueData, valueSize}; }
  };

  explicit HeaderMap(base::Slab& slab) : slab_(slab) { entries_.reserve(24); }
  HeaderMap(const HeaderMap&) = delete;
  HeaderMap& operator=(const HeaderMap&) = delete;

  // --- reading
  // The first value of a header, or nothing.
  std::optional<std::string_view> get(HeaderId id) const;
  std::optional<std::string_view> get(std::string_view lowerCaseName) const;
  // As get, "" if absent.
  std::string_view value(HeaderId id) const;
  bool has(HeaderId id) const { return (present_ >> static_cast<unsigned>(id)) & 1; }
  size_t count(HeaderId id) const;
  // All values of a header joined by "," in order; a view of one value if there is one, else of
  // `storage`. Nothing if absent.
  std::optional<std::string_view> joined(std::string_view lowerCaseName,
                                         std::string& storage) const;

  std::string_view method() const { return value(HeaderId::Method); }
  std::string_view path() const { return value(HeaderId::Path); }
  std::string_view authority() const { return value(HeaderId::Authority); }
  std::string_view scheme() const { return value(HeaderId::Scheme); }
  // 0 if absent or not three digits.
  uint32_t status() const;
  // Not present: nothing. Present but no valid number (RFC 9110 section 8.6): UINT64_MAX.
  std::optional<uint64_t> contentLength() const;

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // Sum of the lengths of names and values.
  uint64_t byteSize() const { return bytes_; }

  // --- changing: names must be lower case; copies the bytes it is given
  void add(HeaderId id, std::string_view value) { addEntry(id, headerName(id), copy(value)); }
  void add(std::string_view lowerCaseName, std::string_view value);
  void addNumber(HeaderId id, uint64_t value);
  // Replaces every value by one; the first entry's place is kept.
  void set(HeaderId id, std::string_view value);
  void set(std::string_view lowerCaseName, std::string_view value);
  void setNumber(HeaderId id, uint64_t value);
  void setStatus(uint32_t status);
  // Adds behind what is there with "," between, or adds the header. Several entries become one: a
  // reader that takes only the first or only the last sees the whole list.
  void appendValue(HeaderId id, std::string_view value);
  // How many entries went.
  size_t remove(HeaderId id);
  size_t remove(std::string_view lowerCaseName);
  // Removes each entry for which f(entry) is true.
  template <class F> size_t removeIf(F&& f);

  // --- without copying
  // Name and value outlive the map (literals, configuration that the stream keeps alive).
  void addStatic(std::string_view lowerCaseName, std::string_view value) {
    addEntry(headerIdOf(lowerCaseName), lowerCaseName, value);
  }
  void addStatic(HeaderId id, std::string_view value) { addEntry(id, headerName(id), value); }
  void setStatic(HeaderId id, std::string_view value);
  // Name and value lie in a block given to retain(), before or after.
  void addView(HeaderId id, std::string_view lowerCaseName, std::string_view value) {
    addEntry(id, id == HeaderId::Other ? lowerCaseName : headerName(id), value);
  }
  // Keeps a block alive as long as the map's entries.
  void retain(const base::BlockRef& block);
  // Copies the entries together if they keep many more blocks than their bytes need, as those of a
  // head that came in many pieces do. Then views got before are no longer valid.
  void gather() {
    if (base::wasteful(blocks_.size(), bytes_)) {
      copyTogether();
    }
  }

  // --- the case that names had in HTTP/1, where that is to be kept; else nothing is stored
  // Names that came in no case of their own are written in `properElse`.
  void keepCase(std::string_view originalName, bool properElse);
  bool keepsCase() const { return originals_ != nullptr; }
  bool properElse() const { return originals_->properElse; }
  // The name as it came; nothing if it did not come.
  std::optional<std::string_view> originalName(std::string_view lowerCaseName) const;

  // Bytes in the map's storage.
  std::string_view copy(std::string_view bytes);
  base::Slab& slab() { return slab_; }

  void copyFrom(const HeaderMap& other);
  void clear();

private:
  void copyTogether();
  void addEntry(HeaderId id, std::string_view name, std::string_view value);
  Entry* find(HeaderId id);
  const Entry* find(HeaderId id) const;
  const Entry* find(std::string_view name) const;

  base::Slab& slab_;
  std::vector<Entry> entries_;
  std::vector<base::BlockRef> blocks_;
  struct Originals {
    std::vector<std::string_view> names;
    bool properElse;
  };
  std::unique_ptr<Originals> originals_;
  uint64_t present_ = 0; // bit per HeaderId; Other's bit says nothing
  uint64_t bytes_ = 0;
};
static_assert(static_cast<unsigned>(HeaderId::Count) <= 64);

template <class F> size_t HeaderMap::removeIf(F&& f) {
  size_t kept = 0;
  uint64_t present = 0;
  for (Entry& entry : entries_) {
    if (f(static_cast<const Entry&>(entry))) {
      bytes_ -= entry.nameSize + entry.valueSize;
      continue;
    }
    present |= uint64_t{1} << static_cast<unsigned>(entry.id);
    entries_[kept++] = entry;
  }
  const size_t removed = entries_.size() - kept;
  entries_.resize(kept);
  present_ = present;
  return removed;
}

// Recycles header maps, whose vectors keep their capacity. One per worker, outlives its maps.
class HeaderMapPool {
public:
  explicit HeaderMapPool(base::Slab& slab) : slab_(slab) {}

  struct Returner {
    HeaderMapPool* pool = nullptr;
    void operator()(HeaderMap* map) const { pool->put(std::unique_ptr<HeaderMap>(map)); }
  };
  using Ptr = std::unique_ptr<HeaderMap, Returner>;

  Ptr make();
  base::Slab& slab() { return slab_; }

private:
  void put(std::unique_ptr<HeaderMap> map);
  base::Slab& slab_;
  std::vector<std::unique_ptr<HeaderMap>> idle_;
};
using HeaderMapPtr = HeaderMapPool::Ptr;

} // namespace moe::http
