// "Did you mean": the nearest of some names by edit distance.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace perfmodel {

// Insertions, deletions, replacements and swaps of neighbours that turn a into b; stops at limit + 1 when above.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 1000);

// The nearest candidate, no further than a third of the name's length (at least 1) away, case aside; "" when none
// is near. The first of equally near candidates wins.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// "a, b, c" in the given order.
std::string join_names(std::span<const std::string> names);

}  // namespace perfmodel
