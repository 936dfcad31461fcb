#include "support/yaml_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "support/suggest.hpp"

namespace perfmodel {
namespace {

void fault(const YamlNode& node, std::string_view what, const std::string& message, Diagnostics& diagnostics) {
  diagnostics.error(node.location(), fmt::format("'{}': {}", what, message));
}

// The scalar text to convert, or nothing with the fault recorded.
const std::string* scalar_text(const YamlNode& node, std::string_view what, std::string_view wanted,
                               Diagnostics& diagnostics) {
  if (node.is_scalar()) return &node.text();
  fault(node, what, fmt::format("expected {}, not {}", wanted, kind_name(node.kind())), diagnostics);
  return nullptr;
}

bool in_range(double value, const NumberRange& range) {
  const bool low = range.above_min ? value > range.min : value >= range.min;
  const bool high = range.below_max ? value < range.max : value <= range.max;
  return low && high;
}

}  // namespace

std::optional<std::string> read_string(const YamlNode& node, std::string_view what, Diagnostics& diagnostics) {
  const std::string* text = scalar_text(node, what, "text", diagnostics);
  if (text == nullptr) return std::nullopt;
  if (!text->empty()) return *text;
  fault(node, what, "expected text, not an empty string", diagnostics);
  return std::nullopt;
}

std::optional<bool> read_bool(const YamlNode& node, std::string_view what, Diagnostics& diagnostics) {
  const std::string* text = scalar_text(node, what, "true or false", diagnostics);
  if (text == nullptr) return std::nullopt;
  if (*text == "true") return true;
  if (*text == "false") return false;
  fault(node, what, fmt::format("expected true or false, not '{}'", *text), diagnostics);
  return std::nullopt;
}

std::optional<std::int64_t> read_integer(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                         const IntegerRange& range) {
  const std::string* text = scalar_text(node, what, describe(range), diagnostics);
  if (text == nullptr) return std::nullopt;
  const ParsedInteger parsed = parse_integer(*text, range);
  if (parsed.error.empty()) return parsed.value;
  fault(node, what, parsed.error, diagnostics);
  return std::nullopt;
}

std::optional<double> read_number(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                  const NumberRange& range) {
  const std::string* text = scalar_text(node, what, describe(range), diagnostics);
  if (text == nullptr) return std::nullopt;
  const ParsedNumber parsed = parse_number(*text, range);
  if (parsed.error.empty()) return parsed.value;
  fault(node, what, parsed.error, diagnostics);
  return std::nullopt;
}

std::optional<double> read_quantity(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                    const Dimension& dimension, const NumberRange& range) {
  const std::string wanted = fmt::format("a quantity in {}", dimension_name(dimension));
  const std::string* text = scalar_text(node, what, wanted, diagnostics);
  if (text == nullptr) return std::nullopt;
  const ParsedQuantity parsed = parse_quantity(*text, dimension);
  if (parsed.ok() && in_range(parsed.si, range)) return parsed.si;
  if (parsed.ok()) {
    fault(node, what, fmt::format("expected {} in {}, not '{}'", describe(range), dimension_name(dimension), *text),
          diagnostics);
    return std::nullopt;
  }
  Location where = node.location();
  if (where.column > 0) where.column += static_cast<int>(parsed.offset) + (node.quoted() ? 1 : 0);
  diagnostics.error(where, fmt::format("'{}': {}", what, parsed.error));
  return std::nullopt;
}

std::optional<std::size_t> read_choice(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                       const std::vector<std::string>& names) {
  const std::string* text = scalar_text(node, what, "one of " + join_names(names), diagnostics);
  if (text == nullptr) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  diagnostics.error(node.location(), fmt::format("'{}': unknown value '{}'", what, *text))
      .suggest(*text, names)
      .note("known values: " + join_names(names));
  return std::nullopt;
}

YamlMap::YamlMap(YamlNode node, std::string what, Diagnostics& diagnostics)
    : node_(std::move(node)), what_(std::move(what)), diagnostics_(&diagnostics) {
  if (node_.is_map() || node_.is_missing()) return;
  diagnostics.error(node_.location(), fmt::format("expected a map for {}, not {}", what_, kind_name(node_.kind())));
}

YamlNode YamlMap::take(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return node_.find(key);
}

void YamlMap::require(std::string_view key) {
  if (!valid() || has(key)) return;
  diagnostics_->error(node_.location(), fmt::format("missing key '{}' in {}", key, what_));
}

std::string YamlMap::string(std::string_view key) { return required(key, optional_string(key)); }
bool YamlMap::boolean(std::string_view key) { return required(key, optional_boolean(key)); }
std::int64_t YamlMap::integer(std::string_view key, const IntegerRange& range) {
  return required(key, optional_integer(key, range));
}
double YamlMap::number(std::string_view key, const NumberRange& range) {
  return required(key, optional_number(key, range));
}

YamlMap YamlMap::map(std::string_view key) {
  YamlMap result = optional_map(key);
  require(key);
  return result;
}

std::vector<YamlNode> YamlMap::list(std::string_view key) {
  std::vector<YamlNode> result = optional_list(key);
  require(key);
  return result;
}

YamlNode YamlMap::node(std::string_view key) {
  YamlNode result = optional_node(key);
  require(key);
  return result;
}

std::optional<std::string> YamlMap::optional_string(std::string_view key) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_string(value, key, *diagnostics_);
}

std::optional<bool> YamlMap::optional_boolean(std::string_view key) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_bool(value, key, *diagnostics_);
}

std::optional<std::int64_t> YamlMap::optional_integer(std::string_view key, const IntegerRange& range) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_integer(value, key, *diagnostics_, range);
}

std::optional<double> YamlMap::optional_number(std::string_view key, const NumberRange& range) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_number(value, key, *diagnostics_, range);
}

std::optional<double> YamlMap::optional_si(std::string_view key, const Dimension& dimension, const NumberRange& range) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_quantity(value, key, *diagnostics_, dimension, range);
}

std::optional<std::size_t> YamlMap::optional_index(std::string_view key, const std::vector<std::string>& names) {
  const YamlNode value = take(key);
  return value.is_missing() ? std::nullopt : read_choice(value, key, *diagnostics_, names);
}

YamlMap YamlMap::optional_map(std::string_view key) { return {take(key), fmt::format("'{}'", key), *diagnostics_}; }

std::vector<YamlNode> YamlMap::optional_list(std::string_view key) {
  const YamlNode value = take(key);
  if (value.is_list() || value.is_missing()) return value.items();
  fault(value, key, fmt::format("expected a list, not {}", kind_name(value.kind())), *diagnostics_);
  return {};
}

YamlNode YamlMap::optional_node(std::string_view key) {
  YamlNode value = take(key);
  if (value.kind() != YamlKind::null) return value;
  fault(value, key, "expected a value, not nothing", *diagnostics_);
  return {};
}

const std::vector<YamlEntry>& YamlMap::entries() {
  all_known_ = true;
  return node_.entries();
}

Location YamlMap::location(std::string_view key) const {
  const YamlNode value = node_.find(key);
  return value.is_missing() ? node_.location() : value.location();
}

Location YamlMap::key_location(std::string_view key) const {
  for (const YamlEntry& entry : node_.entries()) {
    if (entry.key == key) return entry.key_location;
  }
  return node_.location();
}

void YamlMap::finish() {
  if (all_known_) return;
  // A key that is already there is not what was meant.
  std::vector<std::string> absent;
  std::copy_if(known_.begin(), known_.end(), std::back_inserter(absent), [&](const auto& key) { return !has(key); });
  for (const YamlEntry& entry : node_.entries()) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    diagnostics_->error(entry.key_location, fmt::format("unknown key '{}' in {}", entry.key, what_))
        .suggest(entry.key, absent)
        .note("known keys: " + join_names(known_));
  }
}

}  // namespace perfmodel
