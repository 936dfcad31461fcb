#include "support/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "support/suggest.hpp"

namespace perfmodel {
namespace {

struct Unit {
  std::string_view symbol;
  double factor;
  Dimension dimension;
  std::string_view prefixes;  // those that make sense, "i" stands for Ki Mi Gi Ti
};

// The one table of units. FLOPS is the customary way to write FLOP/s.
constexpr std::array<Unit, 10> known_units{{
    {"s", 1.0, {.time = 1}, "pnum"},
    {"Hz", 1.0, {.time = -1, .cycle = 1}, "kMG"},
    {"clk", 1.0, {.cycle = 1}, "k"},
    {"B", 1.0, {.byte = 1}, "kMGTPi"},
    {"bit", 0.125, {.byte = 1}, "kMGT"},
    {"FLOP", 1.0, {.flop = 1}, "kMGTPE"},
    {"FLOPS", 1.0, {.time = -1, .flop = 1}, "kMGTPE"},
    {"J", 1.0, {.energy = 1}, "fpnumk"},
    {"W", 1.0, {.time = -1, .energy = 1}, "numkM"},
    {"1", 1.0, {}, ""},
}};

struct Prefix {
  std::string_view symbol;
  double factor;
  char group;  // how Unit::prefixes names it
};

// clang-format off
constexpr std::array<Prefix, 17> known_prefixes{{
    {"f", 1e-15, 'f'}, {"p", 1e-12, 'p'}, {"n", 1e-9, 'n'}, {"u", 1e-6, 'u'},
    {"\u00b5", 1e-6, 'u'}, {"\u03bc", 1e-6, 'u'}, {"m", 1e-3, 'm'}, {"k", 1e3, 'k'},
    {"M", 1e6, 'M'}, {"G", 1e9, 'G'}, {"T", 1e12, 'T'}, {"P", 1e15, 'P'}, {"E", 1e18, 'E'},
    {"Ki", 0x1p10, 'i'}, {"Mi", 0x1p20, 'i'}, {"Gi", 0x1p30, 'i'}, {"Ti", 0x1p40, 'i'},
}};
// clang-format on

struct Factor {
  double si = 0.0;  // 0: unknown
  Dimension dimension;
};

bool takes(const Unit& unit, const Prefix& prefix) {
  return unit.prefixes.find(prefix.group) != std::string_view::npos;
}

Factor find_unit(std::string_view name) {
  for (const Unit& unit : known_units) {
    if (!name.ends_with(unit.symbol)) continue;
    const std::string_view prefix = name.substr(0, name.size() - unit.symbol.size());
    if (prefix.empty()) return {unit.factor, unit.dimension};
    for (const Prefix& p : known_prefixes) {
      if (p.symbol == prefix && takes(unit, p)) return {p.factor * unit.factor, unit.dimension};
    }
  }
  return {};
}

// Every unit with each of its prefixes, for suggestions.
std::vector<std::string> every_unit() {
  std::vector<std::string> names;
  for (const Unit& unit : known_units) {
    if (unit.dimension == Dimension{}) continue;
    names.emplace_back(unit.symbol);
    for (const Prefix& p : known_prefixes) {
      const bool ascii = static_cast<unsigned char>(p.symbol.front()) < 0x80;
      if (ascii && takes(unit, p)) names.push_back(std::string(p.symbol) + std::string(unit.symbol));
    }
  }
  return names;
}

ParsedQuantity fault(std::string error, std::size_t offset) {
  return {.si = 0.0, .dimension = {}, .error = std::move(error), .offset = offset};
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string unknown_unit(std::string_view name) {
  std::string message = "unknown unit '" + std::string(name) + "'";
  const std::vector<std::string> names = every_unit();
  const std::string nearest = nearest_name(name, names);
  if (!nearest.empty()) return message + ", did you mean '" + nearest + "'?";
  message += ", known units are";
  for (const Unit& unit : known_units) {
    if (unit.dimension != Dimension{}) message += " " + std::string(unit.symbol);
  }
  return message;
}

// Multiplies the unit expression "TB/s", "/clk", "pJ/FLOP" starting at `at` into the value.
ParsedQuantity apply_units(std::string_view text, std::size_t at, double value) {
  ParsedQuantity result{.si = value, .dimension = {}, .error = {}, .offset = at};
  bool divide = false;
  if (text[at] == '/') {
    divide = true;
    ++at;
  }
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    const std::size_t end = std::min(text.find_first_of("/* \t", at), text.size());
    const std::string_view name = text.substr(at, end - at);
    if (name.empty()) return fault("unit missing after '/' or '*'", at);
    const Factor factor = find_unit(name);
    if (factor.si == 0.0) return fault(unknown_unit(name), at);
    result.si = divide ? result.si / factor.si : result.si * factor.si;
    result.dimension = divide ? result.dimension - factor.dimension : result.dimension + factor.dimension;
    at = end;
    while (at < text.size() && is_space(text[at])) ++at;
    if (at == text.size()) return result;
    if (text[at] != '/' && text[at] != '*') return fault("expected '/' or '*' between units", at);
    divide = text[at] == '/';
    ++at;
  }
}

void append_factor(std::string& text, std::string_view symbol, int exponent) {
  if (exponent <= 0) return;
  if (!text.empty()) text += '*';
  text += symbol;
  if (exponent > 1) text += '^' + std::to_string(exponent);
}

}  // namespace

ParsedQuantity parse_quantity(std::string_view text) {
  std::size_t start = 0;
  while (start < text.size() && is_space(text[start])) ++start;
  while (text.size() > start && is_space(text.back())) text.remove_suffix(1);
  if (start == text.size()) return fault("expected a number with a unit", start);

  double value = 0.0;
  const char* const first = text.data() + start;
  const auto [end, code] = std::from_chars(first, text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) return fault("number is out of range", start);
  if (code != std::errc{}) {
    return fault("expected a number with a unit, not '" + std::string(text.substr(start)) + "'", start);
  }
  if (!std::isfinite(value)) return fault("NaN and infinity are no quantities", start);

  std::size_t at = static_cast<std::size_t>(end - text.data());
  while (at < text.size() && is_space(text[at])) ++at;
  if (at == text.size()) return fault("unit missing after '" + std::string(text.substr(start)) + "'", start);
  ParsedQuantity result = apply_units(text, at, value);
  if (result.ok() && !std::isfinite(result.si)) return fault("number is out of range", start);
  return result;
}

ParsedQuantity parse_quantity(std::string_view text, const Dimension& wanted) {
  ParsedQuantity result = parse_quantity(text);
  const std::string example = dimension_name(wanted);
  if (!result.ok()) {
    if (result.error.starts_with("unit missing after '") || result.error.starts_with("expected a number")) {
      result.error += ", write it in " + example;
    }
    return result;
  }
  if (result.dimension == wanted) return result;
  return fault("'" + std::string(text) + "' is in " + dimension_name(result.dimension) + ", expected " + example,
               result.offset);
}

std::string dimension_name(const Dimension& dimension) {
  Dimension rest = dimension;
  std::string above;
  // Watts and hertz are read sooner than joules and cycles a second.
  if (rest == Dimension{.time = -1, .energy = 1}) return "W";
  if (rest == Dimension{.time = -1, .cycle = 1}) return "Hz";
  append_factor(above, "B", rest.byte);
  append_factor(above, "FLOP", rest.flop);
  append_factor(above, "J", rest.energy);
  append_factor(above, "clk", rest.cycle);
  append_factor(above, "s", rest.time);
  std::string below;
  append_factor(below, "s", -rest.time);
  append_factor(below, "clk", -rest.cycle);
  append_factor(below, "B", -rest.byte);
  append_factor(below, "FLOP", -rest.flop);
  append_factor(below, "J", -rest.energy);
  if (above.empty() && below.empty()) return "no unit";
  if (below.empty()) return above;
  return above + "/" + below;
}

}  // namespace perfmodel
