#include "calibrate/cublas_kernel.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace perfmodel {
namespace {

struct Pair {
  int first = 0;
  int second = 0;
};

// "128x256"
std::optional<Pair> parse_pair(std::string_view text) {
  Pair pair;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, pair.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != 'x') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, pair.second);
  if (second.ec != std::errc() || second.ptr != end || pair.first <= 0 || pair.second <= 0) return std::nullopt;
  return pair;
}

}  // namespace

std::optional<CublasKernel> parse_cublas_kernel(std::string_view name) {
  if (!name.starts_with("nvjet")) return std::nullopt;
  std::vector<Pair> pairs;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    if (const auto pair = parse_pair(name.substr(begin, end - begin))) pairs.push_back(*pair);
    begin = end + 1;
  }
  if (pairs.size() < 3) return std::nullopt;
  return CublasKernel{.cta_m = pairs[0].second,
                      .cta_n = pairs[0].first,
                      .cta_k = pairs[1].first,
                      .stages = pairs[1].second,
                      .cluster_m = pairs[2].second,
                      .cluster_n = pairs[2].first,
                      .split_k = name.find("splitK") != std::string_view::npos};
}

int split_k_factor(const CublasKernel& kernel, long long m, long long n, int ctas) {
  if (!kernel.split_k) return 1;
  const long long tiles = ((m + kernel.cta_m - 1) / kernel.cta_m) * ((n + kernel.cta_n - 1) / kernel.cta_n);
  return static_cast<int>((ctas + tiles - 1) / tiles);
}

}  // namespace perfmodel
