#include "config/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace moe::config {
namespace {

constexpr size_t kMaxWord = 100; // Longer words are not worth the quadratic comparison.
constexpr size_t kShown = 3;

/// Letters and digits only, in lower case: connectTimeout and connect-timeout are near to
/// connect_timeout.
std::string folded(std::string_view word) {
  std::string out;
  for (char c : word) {
    if (absl::ascii_isalnum(c))
      out.push_back(absl::ascii_tolower(c));
  }
  return out;
}

/// Levenshtein distance.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

} // namespace

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > kMaxWord)
    return "";
  const std::string wanted = folded(word);
  if (wanted.empty())
    return "";
  std::vector<std::pair<size_t, std::string_view>> near;
  for (const std::string& candidate : candidates) {
    std::string have = folded(candidate);
    size_t limit = std::max<size_t>(1, std::min(wanted.size(), have.size()) / 3);
    size_t d = distance(wanted, have);
    if (d <= limit)
      near.emplace_back(d, candidate);
  }
  if (near.empty())
    return "";
  std::sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a < b; });
  size_t best = near.front().first; // Others only where they are about as near.
  std::vector<std::string> shown;
  for (const auto& [d, name] : near) {
    if (shown.size() < kShown && d <= best + 1)
      shown.push_back(absl::StrCat("\"", name, "\""));
  }
  return absl::StrCat("did you mean ", absl::StrJoin(shown, " or "), "?");
}

} // namespace moe::config
