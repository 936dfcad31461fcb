#include "workloads/library_menu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "support/data_path.hpp"
#include "support/yaml_map.hpp"
#include "workloads/block_operator.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view folder = "workloads/libraries";
constexpr IntegerRange small{.min = 1, .max = 65536};

struct Pair {
  int first = 0;
  int second = 0;
};

// "128x256"
std::optional<Pair> read_pair(const YamlNode& node, std::string_view what, Diagnostics& faults) {
  const std::optional<std::string> text = read_string(node, what, faults);
  if (!text) return std::nullopt;
  const std::size_t cross = text->find('x');
  if (cross != std::string::npos) {
    const ParsedInteger first = parse_integer(std::string_view(*text).substr(0, cross), small);
    const ParsedInteger second = parse_integer(std::string_view(*text).substr(cross + 1), small);
    if (first.error.empty() && second.error.empty()) {
      return Pair{static_cast<int>(first.value), static_cast<int>(second.value)};
    }
  }
  faults.error(node.location(), fmt::format("'{}': expected two sizes as in 128x256, not '{}'", what, *text));
  return std::nullopt;
}

int read_count(YamlMap& map, std::string_view key) { return static_cast<int>(map.integer(key, small)); }

std::vector<ClusterShape> read_clusters(YamlMap& map, std::string_view key) {
  std::vector<ClusterShape> clusters;
  for (const YamlNode& item : map.list(key)) {
    if (const auto pair = read_pair(item, key, map.diagnostics())) clusters.push_back({pair->first, pair->second});
  }
  return clusters;
}

bool same_size(const MenuTile& tile, const Pair& size) { return tile.cta_m == size.first && tile.cta_n == size.second; }

// The tiles of one `across`, in both orientations.
void read_tiles(const YamlNode& node, LibraryMenu& menu, Diagnostics& faults) {
  YamlMap map(node, "the tiles", faults);
  if (!map.valid()) return;
  const int across = read_count(map, "across");
  const auto mma_ctas = static_cast<int>(map.optional_integer("mma_ctas", {.min = 1, .max = 2}).value_or(1));
  YamlMap along = map.map("along");
  const int from = read_count(along, "from");
  const int to = read_count(along, "to");
  const int step = read_count(along, "step");
  along.finish();
  std::vector<MenuTile> tiles;
  for (int size = from; size <= to && step > 0; size += step) {
    if (across * size > menu.accumulators) break;
    tiles.push_back({across, size, mma_ctas, /*mma_rows_along_m=*/true, false});
    tiles.push_back({size, across, mma_ctas, /*mma_rows_along_m=*/false, false});
  }
  for (const YamlNode& item : map.optional_list("seen")) {
    const auto size = read_pair(item, "seen", faults);
    if (!size) continue;
    const auto found = std::ranges::find_if(tiles, [&](const MenuTile& tile) { return same_size(tile, *size); });
    if (found == tiles.end()) {
      faults.error(item.location(), fmt::format("'seen': {} is none of the tiles across {}", item.text(), across));
    } else {
      found->seen = true;
    }
  }
  map.finish();
  menu.tiles.insert(menu.tiles.end(), tiles.begin(), tiles.end());
}

LibraryMenu read_menu(const YamlNode& root, std::string name) {
  Diagnostics faults;
  YamlMap map(root, "the library menu", faults);
  LibraryMenu menu;
  menu.name = std::move(name);
  map.node("library");
  menu.family = read_enum<Family>(map, "library").value_or(Family::cublas);
  menu.tensor = map.string("tensor");
  menu.description = map.optional_string("description").value_or("");
  menu.threads = read_count(map, "threads");
  menu.registers = read_count(map, "registers");
  menu.k_bytes = map.quantity<Bytes>("k_bytes", NumberRange::positive());
  YamlMap stages = map.map("stages");
  menu.stage_limit = read_count(stages, "limit");
  menu.shared_memory = stages.quantity<Bytes>("shared_memory");
  menu.fixed_memory = stages.quantity<Bytes>("fixed");
  menu.memory_each_stage = stages.quantity<Bytes>("each");
  stages.finish();
  menu.accumulators = static_cast<int>(map.integer("accumulators", {.min = 1, .max = 1 << 20}));
  for (const YamlNode& item : map.list("tiles")) read_tiles(item, menu, faults);
  menu.clusters = read_clusters(map, "clusters");
  menu.multi_wave_clusters = read_clusters(map, "multi_wave_clusters");
  menu.counter_reset_above = map.number("counter_reset_above", NumberRange::not_negative());
  menu.iteration = read_tally(map, "iteration");
  menu.element = read_tally(map, "element");
  menu.scaled = read_tally(map, "scaled");
  menu.promoted = read_tally(map, "promoted");
  if (map.has("waiting")) menu.waiting = map.number("waiting", NumberRange::not_negative());
  if (map.has("ping_pong")) menu.ping_pong = read_count(map, "ping_pong");
  if (map.has("promotion")) menu.promotion = read_count(map, "promotion");
  YamlMap split = map.map("split_k");
  menu.split_k.tiles_at_most = read_count(split, "tiles_at_most");
  menu.split_k.k_bytes_at_least = split.quantity<Bytes>("k_bytes_at_least");
  menu.split_k.slices_at_most = read_count(split, "slices_at_most");
  split.finish();
  map.finish();
  faults.throw_if_errors();
  return menu;
}

}  // namespace

int LibraryMenu::cta_k(Dtype dtype) const {
  // Scale factors lie beside the elements, so they do not count here.
  const double bits = dtype == Dtype::nvfp4 ? 4.0 : bits_of_16(dtype) / 16.0;
  return static_cast<int>(k_bytes.si() * 8.0 / bits);
}

Bytes LibraryMenu::stage_bytes(const MenuTile& tile, Dtype dtype) const {
  const double rows = tile.across() + static_cast<double>(tile.along()) / tile.mma_ctas;
  const double scales = dtype == Dtype::nvfp4 ? cta_k(dtype) / 16.0 * (tile.across() + tile.along()) : 0.0;
  return k_bytes * rows + Bytes(scales);
}

int LibraryMenu::stages(const MenuTile& tile, Dtype dtype) const {
  const double fit = (shared_memory - fixed_memory) / (stage_bytes(tile, dtype) + memory_each_stage);
  return std::clamp(static_cast<int>(std::floor(fit)), 0, stage_limit);
}

Bytes LibraryMenu::smem(const MenuTile& tile, Dtype dtype) const {
  return (stage_bytes(tile, dtype) + memory_each_stage) * stages(tile, dtype) + fixed_memory;
}

LibraryMenu load_library_menu(const std::string& name) {
  const std::string path = find_data_file(name, folder, ".yaml").value_or(name);
  return read_menu(load_yaml_file(path), std::filesystem::path(path).stem().string());
}

LibraryMenu library_menu_from_text(std::string text, std::string_view name) {
  return read_menu(load_yaml_text(std::move(text), name), std::filesystem::path(name).stem().string());
}

std::vector<LibraryMenu> load_library_menus() {
  std::vector<LibraryMenu> menus;
  for (const std::string& name : list_data_files(folder, ".yaml")) {
    menus.push_back(load_library_menu(data_path(fmt::format("{}/{}.yaml", folder, name))));
  }
  return menus;
}

}  // namespace perfmodel
