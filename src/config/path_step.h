#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/field_path.h"

namespace moe::config {

/// A step of a path from the root, linked on the stack of a walk: turned into text only where an
/// error needs it. Borrows its parent and its name.
struct PathStep {
  enum class Kind { kRoot, kField, kIndex, kKey };
  const PathStep* parent = nullptr;
  Kind kind = Kind::kRoot;
  std::string_view name{}; ///< Of a root: its path.
  size_t position = 0;
  int depth = 0;

  static PathStep root(const FieldPath& path) { return {nullptr, Kind::kRoot, path.str(), 0, 0}; }
  PathStep field(std::string_view n) const { return {this, Kind::kField, n, 0, depth + 1}; }
  PathStep at(size_t i) const { return {this, Kind::kIndex, {}, i, depth + 1}; }
  PathStep key(std::string_view k) const { return {this, Kind::kKey, k, 0, depth + 1}; }

  std::string text() const;
  FieldPath path() const { return FieldPath(text()); }
};

} // namespace moe::config
