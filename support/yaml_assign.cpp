#include <fmt/format.h>

#include <algorithm>

#include "support/parse.hpp"
#include "support/yaml.hpp"

namespace perfmodel {
namespace {

class Assigner {
 public:
  explicit Assigner(const YamlAssignment& assignment) : assignment_(assignment) {}

  // The node with the value put in at the steps that remain of the path.
  YamlNode put(const YamlNode& node, std::string_view path) const {
    if (path.empty()) return assignment_.value;
    const std::size_t dot = path.find('.');
    const std::string_view step = path.substr(0, dot);
    const std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (step.empty() || (dot != std::string_view::npos && rest.empty())) refuse("empty step in the path");
    if (node.is_map()) return put_in_map(node, step, rest);
    if (node.is_list()) return put_in_list(node, step, rest);
    refuse(fmt::format("'{}' leads into {}, which has no keys", step, kind_name(node.kind())));
  }

 private:
  [[noreturn]] void refuse(std::string message, const std::vector<std::string>& known = {},
                           std::string_view wanted = {}) const {
    Diagnostics diagnostics;
    Diagnostic& diagnostic = diagnostics.error(assignment_.key_location, std::move(message));
    diagnostic.suggest(wanted, known);
    throw InputError(diagnostics);
  }

  YamlNode put_in_map(const YamlNode& map, std::string_view step, std::string_view rest) const {
    auto data = copy(map);
    std::vector<YamlEntry>& entries = data->entries;
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& e) { return e.key == step; });
    if (entry != entries.end()) {
      if (rest.empty()) entry->key_location = assignment_.key_location;
      entry->value = put(entry->value, rest);
    } else if (rest.empty()) {
      entries.push_back({std::string(step), assignment_.key_location, assignment_.value});
    } else {
      std::vector<std::string> keys;
      keys.reserve(entries.size());
      for (const YamlEntry& e : entries) keys.push_back(e.key);
      refuse(fmt::format("no key '{}' to go through", step), keys, step);
    }
    return YamlNode(std::move(data));
  }

  YamlNode put_in_list(const YamlNode& list, std::string_view step, std::string_view rest) const {
    auto data = copy(list);
    std::vector<YamlNode>& items = data->items;
    std::size_t index = 0;
    std::vector<std::string> names;
    while (index < items.size() && items[index].find("name").text() != step) {
      names.push_back(items[index++].find("name").text());
    }
    if (index == items.size()) {
      const ParsedInteger number = parse_integer(step, {.min = 0, .max = static_cast<std::int64_t>(items.size()) - 1});
      if (!number.error.empty()) refuse(fmt::format("no item '{}' in the list", step), names, step);
      index = static_cast<std::size_t>(number.value);
    }
    items[index] = put(items[index], rest);
    return YamlNode(std::move(data));
  }

  static std::shared_ptr<YamlNode::Data> copy(const YamlNode& node) {
    auto data = std::make_shared<YamlNode::Data>();
    data->kind = node.kind();
    data->location = node.location();
    data->items = node.items();
    data->entries = node.entries();
    return data;
  }

  const YamlAssignment& assignment_;
};

}  // namespace

YamlNode assign(const YamlNode& root, const YamlAssignment& assignment) {
  return Assigner(assignment).put(root, assignment.key);
}

}  // namespace perfmodel
