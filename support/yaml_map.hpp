// Reading a YAML map key by key, with types and units. A getter that meets a fault records it and returns a default
// (0, "", the first choice), so that one run finds every fault of a file; the caller must not compute with the
// values before Diagnostics::throw_if_errors().
//
//     Diagnostics faults;
//     YamlMap machine(load_yaml_file(path), "the machine", faults);
//     const std::string name = machine.string("name");
//     const std::int64_t sms = machine.integer("sms", IntegerRange::positive());
//     const auto bandwidth = machine.quantity<BytesPerSecond>("bandwidth");
//     YamlMap power = machine.map("power");
//     const std::optional<Watts> limit = power.optional_quantity<Watts>("limit");
//     power.finish();
//     machine.finish();      // every key that no getter asked for is an error, with the nearest known key
//     faults.throw_if_errors();
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/parse.hpp"
#include "support/units.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

// A name a user may write and what it stands for; a table of these makes an enumeration readable.
template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

// One value with its type; nothing after a fault, which is recorded. `what` names the value in the message:
// "'seq': expected a positive integer, not '0'".
std::optional<std::string> read_string(const YamlNode& node, std::string_view what, Diagnostics& diagnostics);
std::optional<bool> read_bool(const YamlNode& node, std::string_view what, Diagnostics& diagnostics);
std::optional<std::int64_t> read_integer(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                         const IntegerRange& range = {});
std::optional<double> read_number(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                  const NumberRange& range = {});
// The SI value of a quantity; the range is checked in SI units.
std::optional<double> read_quantity(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                    const Dimension& dimension, const NumberRange& range);
// The index in `names`; an unknown name gets the nearest and the whole list.
std::optional<std::size_t> read_choice(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                                       const std::vector<std::string>& names);

template <typename Q>
std::optional<Q> read_quantity(const YamlNode& node, std::string_view what, Diagnostics& diagnostics,
                               const NumberRange& range = NumberRange::not_negative()) {
  const std::optional<double> si = read_quantity(node, what, diagnostics, Q::dimension, range);
  return si ? std::optional<Q>(Q(*si)) : std::nullopt;
}

class YamlMap {
 public:
  // `what` names the map in messages: "missing key 'name' in the machine". A node that is no map is a fault; the
  // getters of such a map, and of one that is missing, give defaults and stay silent.
  YamlMap(YamlNode node, std::string what, Diagnostics& diagnostics);

  // False for a node that was no map.
  [[nodiscard]] bool valid() const { return node_.is_map(); }
  [[nodiscard]] bool has(std::string_view key) const { return !node_.find(key).is_missing(); }

  // Required: a missing key is a fault.
  std::string string(std::string_view key);
  bool boolean(std::string_view key);
  std::int64_t integer(std::string_view key, const IntegerRange& range = {});
  double number(std::string_view key, const NumberRange& range = {});
  template <typename Q>
  Q quantity(std::string_view key, const NumberRange& range = NumberRange::not_negative()) {
    return Q(required(key, optional_si(key, Q::dimension, range)));
  }
  template <typename Choices>
  auto choice(std::string_view key, const Choices& choices) {
    const auto found = optional_choice(key, choices);
    require(key);
    return found.value_or(std::begin(choices)->value);
  }
  YamlMap map(std::string_view key);
  std::vector<YamlNode> list(std::string_view key);
  // The value whatever its kind, such as text that is an expression; missing after a fault.
  YamlNode node(std::string_view key);

  // Nothing when the key is absent (no fault) or its value is faulty (recorded). A key without value is a fault.
  std::optional<std::string> optional_string(std::string_view key);
  std::optional<bool> optional_boolean(std::string_view key);
  std::optional<std::int64_t> optional_integer(std::string_view key, const IntegerRange& range = {});
  std::optional<double> optional_number(std::string_view key, const NumberRange& range = {});
  template <typename Q>
  std::optional<Q> optional_quantity(std::string_view key, const NumberRange& range = NumberRange::not_negative()) {
    const std::optional<double> si = optional_si(key, Q::dimension, range);
    return si ? std::optional<Q>(Q(*si)) : std::nullopt;
  }
  template <typename Choices>
  auto optional_choice(std::string_view key, const Choices& choices) {
    std::vector<std::string> names;
    for (const auto& choice : choices) names.emplace_back(choice.name);
    const std::optional<std::size_t> index = optional_index(key, names);
    return index ? std::optional(std::begin(choices)[*index].value) : std::nullopt;
  }
  // An absent map is an empty one whose valid() is false.
  YamlMap optional_map(std::string_view key);
  std::vector<YamlNode> optional_list(std::string_view key);
  YamlNode optional_node(std::string_view key);

  // All entries, for maps whose keys are names of the user's; they all count as known then.
  const std::vector<YamlEntry>& entries();

  // The value's place, else the map's; the key's place, else the map's. For faults found after reading.
  [[nodiscard]] Location location(std::string_view key) const;
  [[nodiscard]] Location key_location(std::string_view key) const;
  [[nodiscard]] Location location() const { return node_.location(); }
  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] Diagnostics& diagnostics() const { return *diagnostics_; }

  // Records every key that no getter asked for.
  void finish();

 private:
  YamlNode take(std::string_view key);
  void require(std::string_view key);
  std::optional<double> optional_si(std::string_view key, const Dimension& dimension, const NumberRange& range);
  std::optional<std::size_t> optional_index(std::string_view key, const std::vector<std::string>& names);

  template <typename T>
  T required(std::string_view key, std::optional<T> value) {
    require(key);
    return value ? std::move(*value) : T{};
  }

  YamlNode node_;
  std::string what_;
  Diagnostics* diagnostics_;
  std::vector<std::string> known_;
  bool all_known_ = false;
};

}  // namespace perfmodel
