// The tree of a YAML file, every value with its place. Reading it key by key is support/yaml_map.hpp.
//
// The YAML accepted is the plain part of the language: one document, string keys, maps, lists and scalars, anchors
// and aliases within limits. Refused, with the place: duplicate keys, tags (!!int), merge keys (<<), several
// documents, text that is empty, binary or not UTF-8, nesting and aliasing beyond the limits.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"

namespace perfmodel {

struct YamlEntry;

enum class YamlKind { missing, null, scalar, list, map };

// A value of the tree; cheap to copy, keeps what it needs alive, never changes. The default is `missing`.
class YamlNode {
 public:
  struct Data;

  YamlNode() = default;
  explicit YamlNode(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  [[nodiscard]] YamlKind kind() const;
  [[nodiscard]] bool is_missing() const { return data_ == nullptr; }
  [[nodiscard]] bool is_scalar() const { return kind() == YamlKind::scalar; }
  [[nodiscard]] bool is_list() const { return kind() == YamlKind::list; }
  [[nodiscard]] bool is_map() const { return kind() == YamlKind::map; }
  // Where the value starts; unknown for a missing one.
  [[nodiscard]] Location location() const;
  // A scalar's text as written, quotes and escapes resolved; "" for anything else.
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool quoted() const;
  // A list's values in order; none for anything else.
  [[nodiscard]] const std::vector<YamlNode>& items() const;
  // A map's entries in file order; none for anything else.
  [[nodiscard]] const std::vector<YamlEntry>& entries() const;
  // A map's value; missing if there is no such key or this is no map.
  [[nodiscard]] YamlNode find(std::string_view key) const;

 private:
  std::shared_ptr<const Data> data_;
};

struct YamlEntry {
  std::string key;
  Location key_location;
  YamlNode value;
};

struct YamlNode::Data {
  YamlKind kind = YamlKind::null;
  bool quoted = false;
  Location location;
  std::string text;
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;
};

// What a file may hold at most. Aliases count with all that they stand for.
struct YamlLimits {
  std::size_t max_size = std::size_t{4} << 20U;  // bytes
  std::size_t max_depth = 64;
  std::size_t max_nodes = 200'000;
};

// The root of a file; "-" is standard input. Throws InputError with every fault found.
YamlNode load_yaml_file(const std::string& path, const YamlLimits& limits = {});

// The same from memory; `name` stands for the file name in messages.
YamlNode load_yaml_text(std::string text, std::string_view name, const YamlLimits& limits = {});

// A scalar made by the program, for values that come from elsewhere than YAML.
YamlNode make_yaml_scalar(std::string text, Location location);

// "word for the kind": "a map", "a list", "text", "nothing".
std::string_view kind_name(YamlKind kind);

// KEY=VALUE from the command line. The value is YAML; messages point into the text, as "--set:1:5".
struct YamlAssignment {
  std::string key;  // may be a path, "dram.bandwidth"
  Location key_location;
  YamlNode value;
};

// Throws InputError without '=', key or value. `option` stands for the file name in messages.
YamlAssignment parse_assignment(std::string_view text, std::string_view option = "--set");

// The tree with the value at the path replaced, or added if only the last step of the path is new. A step is a key
// of a map; in a list an index from 0 or the `name` of an item. Throws InputError if a step leads nowhere.
YamlNode assign(const YamlNode& root, const YamlAssignment& assignment);

}  // namespace perfmodel
