#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "workloads/block.hpp"
#include "workloads/block_reader.hpp"
#include "workloads/kernel_program.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t longest_chain = 16;  // files, each based on the next
constexpr std::string_view folder = "workloads";
constexpr std::string_view extension = ".yaml";

// Keys of a block file that an override may set, beside the parameters.
const std::vector<std::string>& setting_names() {
  static const std::vector<std::string> names{"seq",  "batch",  "dtype",   "dropout", "dropout_mode", "attention_impl",
                                              "pass", "regime", "machine", "timer",   "data"};
  return names;
}

YamlNode make_map(const YamlNode& like, std::vector<YamlEntry> entries) {
  auto data = std::make_shared<YamlNode::Data>();
  data->kind = YamlKind::map;
  data->location = like.location();
  data->entries = std::move(entries);
  return YamlNode(std::move(data));
}

YamlEntry* find_entry(std::vector<YamlEntry>& entries, std::string_view key) {
  const auto found = std::ranges::find(entries, key, &YamlEntry::key);
  return found == entries.end() ? nullptr : &*found;
}

// The entries of `base` with those of `own` in their place or behind them.
YamlNode merge_maps(const YamlNode& base, const YamlNode& own) {
  std::vector<YamlEntry> entries = base.entries();
  for (const YamlEntry& entry : own.entries()) {
    if (YamlEntry* const place = find_entry(entries, entry.key)) {
      *place = entry;
    } else {
      entries.push_back(entry);
    }
  }
  return make_map(own, std::move(entries));
}

// A file over the one it is based on: parameters and tensors one by one, every other key as a whole.
YamlNode merge_files(const YamlNode& base, const YamlNode& own) {
  std::vector<YamlEntry> entries;
  for (const YamlEntry& entry : base.entries()) {
    if (entry.key != "name" && entry.key != "description") entries.push_back(entry);
  }
  for (const YamlEntry& entry : own.entries()) {
    YamlEntry* const place = find_entry(entries, entry.key);
    const bool by_key = (entry.key == "parameters" || entry.key == "tensors") && entry.value.is_map();
    if (place == nullptr) {
      entries.push_back(entry);
    } else if (by_key && place->value.is_map()) {
      place->value = merge_maps(place->value, entry.value);
    } else {
      *place = entry;
    }
  }
  return make_map(own, std::move(entries));
}

YamlNode without_key(const YamlNode& map, std::string_view key) {
  std::vector<YamlEntry> entries = map.entries();
  std::erase_if(entries, [&](const YamlEntry& entry) { return entry.key == key; });
  return make_map(map, std::move(entries));
}

bool is_file(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code);
}

// The file that `based-on` means: beside the file that says so, else shipped.
std::optional<std::string> find_base(const std::string& name, const std::string& from) {
  if (!from.empty() && !fs::path(name).is_absolute()) {
    const fs::path beside = fs::path(from).parent_path() / name;
    for (const std::string& candidate : {beside.string(), beside.string() + std::string(extension)}) {
      if (is_file(candidate)) return candidate;
    }
  }
  return find_data_file(name, folder, extension);
}

std::string identity(const std::string& path) {
  std::error_code code;
  const fs::path canonical = fs::weakly_canonical(path, code);
  return code ? path : canonical.string();
}

[[noreturn]] void refuse_base(const YamlNode& node, const std::string& message, std::string note = {}) {
  Diagnostics faults;
  auto& found = faults.error(node.location(), "'based-on': " + message);
  if (!note.empty()) found.note(std::move(note));
  throw InputError(faults);
}

// The tree with everything it is based on merged in. `chain` holds the files on the way here, as identities.
YamlNode resolve_bases(const YamlNode& root, const std::string& path, std::vector<std::string> chain) {
  if (!root.is_map()) throw InputError(root.location(), fmt::format("expected a map, not {}", kind_name(root.kind())));
  const YamlNode based_on = root.find("based-on");
  if (based_on.is_missing()) return root;
  if (!based_on.is_scalar() || based_on.text().empty()) refuse_base(based_on, "expected the name of a file");
  const std::optional<std::string> base = find_base(based_on.text(), path);
  if (!base) {
    const std::vector<std::string> shipped = list_data_files(folder, extension);
    const std::string nearest = nearest_name(based_on.text(), shipped);
    refuse_base(based_on, fmt::format("there is no '{}', neither beside this file nor shipped", based_on.text()),
                nearest.empty() ? "shipped: " + join_names(shipped) : fmt::format("did you mean '{}'?", nearest));
  }
  const std::string base_identity = identity(*base);
  if (std::ranges::find(chain, base_identity) != chain.end()) {
    refuse_base(based_on, fmt::format("'{}' is based on this file, a circle", based_on.text()));
  }
  if (chain.size() >= longest_chain) refuse_base(based_on, fmt::format("more than {} files in a row", longest_chain));
  chain.push_back(base_identity);
  return merge_files(resolve_bases(load_yaml_file(*base), *base, std::move(chain)), without_key(root, "based-on"));
}

// Puts one override into the tree; a fault is recorded and leaves the tree as it was.
class Overrider {
 public:
  Overrider(YamlNode root, Diagnostics& faults) : root_(std::move(root)), faults_(faults) {}

  void apply(const std::string& text) {
    try {
      apply(parse_assignment(text));
    } catch (const InputError& error) {
      faults_.append(error.diagnostics());
    }
  }

  void apply(YamlAssignment assignment) {
    try {
      if (place(assignment)) root_ = assign(root_, assignment);
    } catch (const InputError& error) {
      faults_.append(error.diagnostics());
    }
  }

  // The node at a key; missing, with the fault recorded, for a key nothing has.
  YamlNode find(const std::string& key, const Location& where) {
    YamlAssignment wanted{key, where, {}};
    if (!place(wanted)) return {};
    YamlNode node = root_;
    std::string_view path = wanted.key;
    while (!path.empty() && !node.is_missing()) {
      const std::size_t dot = std::min(path.find('.'), path.size());
      node = step(node, path.substr(0, dot));
      path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return node;
  }

  [[nodiscard]] const YamlNode& root() const { return root_; }

  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys = program_parameters();
    const YamlNode op = root_.find("op");
    for (std::size_t i = 0; i < op_names().size() && !op.is_missing(); ++i) {
      if (op_names()[i] != op.text()) continue;
      for (std::string& name : columns_of(static_cast<Op>(i))) {
        if (std::ranges::find(keys, name) == keys.end()) keys.push_back(std::move(name));
      }
    }
    for (const std::string& name : setting_names()) {
      if (std::ranges::find(keys, name) == keys.end() && (op.is_missing() || name == "machine")) keys.push_back(name);
    }
    for (const YamlEntry& entry : root_.find("parameters").entries()) keys.push_back(entry.key);
    return keys;
  }

 private:
  // Completes the path of a bare parameter name; false, with the fault recorded, for a key nothing has.
  bool place(YamlAssignment& assignment) {
    const std::string& key = assignment.key;
    if (!root_.find("parameters").find(key).is_missing()) {
      assignment.key = "parameters." + key;
      return true;
    }
    const std::vector<std::string> own = program_parameters();
    if (std::ranges::find(own, key) != own.end()) {
      assignment.key = "with." + key;
      return true;
    }
    const std::vector<std::string> known = keys();
    if (std::ranges::find(known, key) != known.end()) return true;
    if (key == "program" && !root_.find("op").is_missing()) return true;
    const std::string_view first = std::string_view(key).substr(0, key.find('.'));
    if (first.size() < key.size() &&
        (first == "operators" || first == "tensors" || first == "parameters" || first == "with")) {
      return true;
    }
    faults_.error(assignment.key_location, fmt::format("unknown key '{}'", key))
        .suggest(key, known)
        .note("known keys: " + join_names(known));
    return false;
  }

  // Of the one operator's program, where it has one.
  [[nodiscard]] std::vector<std::string> program_parameters() const {
    const YamlNode program = root_.find("program");
    if (program.is_map()) return parameter_names(program);
    if (!program.is_scalar()) return {};
    const Location where = program.location();
    const auto path = find_program_file(program.text(), where.source ? where.source->name : "");
    return path ? parameter_names(load_yaml_file(*path)) : std::vector<std::string>{};
  }

  static YamlNode step(const YamlNode& node, std::string_view name) {
    for (const YamlNode& item : node.items()) {
      if (item.find("name").text() == name) return item;
    }
    return node.find(name);
  }

  YamlNode root_;
  Diagnostics& faults_;
};

// An operator without `with`: an empty one, for overrides to fill.
YamlNode with_room_for_settings(const YamlNode& root) {
  if (root.find("op").is_missing() || !root.find("with").is_missing()) return root;
  std::vector<YamlEntry> entries = root.entries();
  entries.push_back({"with", root.location(), make_map(root, {})});
  return make_map(root, std::move(entries));
}

YamlNode operator_if_program(const YamlNode& root) {
  return with_room_for_settings(is_program(root) ? operator_of_program(root) : root);
}

// The entries of a file that are settings: what a model put in its place keeps.
YamlNode settings_of(const YamlNode& root) {
  std::vector<YamlEntry> entries;
  for (const YamlEntry& entry : root.entries()) {
    if (std::ranges::find(setting_names(), entry.key) != setting_names().end()) entries.push_back(entry);
  }
  return make_map(root, std::move(entries));
}

}  // namespace

BlockFile::BlockFile(YamlNode root, std::string name)
    : root_(std::move(root)), name_(std::move(name)), parsed_(std::make_shared<ParsedExpressions>()) {}

BlockFile BlockFile::load(const std::string& name) {
  const auto found = name == "-" ? std::optional(name) : find_data_file(name, folder, extension);
  const std::string path = found ? *found : find_program_file(name, "").value_or(name);
  if (path != "-" && !fs::exists(fs::path(path))) {
    const std::vector<std::string> shipped = list_data_files(folder, extension);
    Diagnostics faults;
    faults.error(file_location(name), "no such file, and no shipped workload of that name")
        .suggest(fs::path(name).stem().string(), shipped)
        .note("shipped workloads: " + join_names(shipped));
    throw InputError(faults);
  }
  const YamlNode root = load_yaml_file(path);
  const bool from_stdin = path == "-";
  YamlNode resolved = resolve_bases(root, from_stdin ? "" : path,
                                    from_stdin ? std::vector<std::string>{} : std::vector{identity(path)});
  return {operator_if_program(resolved), from_stdin ? "stdin" : fs::path(path).stem().string()};
}

BlockFile BlockFile::from_text(std::string text, std::string_view name) {
  return {operator_if_program(resolve_bases(load_yaml_text(std::move(text), name), "", {})),
          fs::path(name).stem().string()};
}

Block BlockFile::block(std::span<const std::string> overrides) const {
  Diagnostics faults;
  Overrider overrider(root_, faults);
  for (const std::string& text : overrides) overrider.apply(text);
  return block(overrider.root(), faults);
}

Block BlockFile::block(std::span<const YamlAssignment> overrides) const {
  Diagnostics faults;
  Overrider overrider(root_, faults);
  for (const YamlAssignment& assignment : overrides) overrider.apply(assignment);
  return block(overrider.root(), faults);
}

Block BlockFile::block(const YamlNode& root, Diagnostics& faults) const {
  require_problem(root);
  const auto held = parsed_->lock();
  Block result = read_block(root, name_, faults, parsed_);
  faults.throw_if_errors();
  return result;
}

std::string BlockFile::value_at(const std::string& key, std::span<const YamlAssignment> overrides,
                                const Location& where) const {
  Diagnostics faults;
  Overrider overrider(root_, faults);
  for (const YamlAssignment& assignment : overrides) overrider.apply(assignment);
  const YamlNode node = overrider.find(key, where);
  if (!faults.has_errors() && !node.is_scalar()) {
    faults.error(where, node.is_missing() ? fmt::format("'{}' is not set in {}: there is nothing to multiply", key, name_)
                                          : fmt::format("'{}' is {}, not a number", key, kind_name(node.kind())));
  }
  faults.throw_if_errors();
  return node.text();
}

BlockFile BlockFile::with_model(const std::string& model, const Location& where) const {
  const std::optional<std::string> path = find_data_file(model, folder, extension);
  if (!path || !is_file(*path)) {
    const std::vector<std::string> shipped = list_data_files(folder, extension);
    Diagnostics faults;
    faults.error(where, fmt::format("no such file, and no shipped workload '{}'", model))
        .suggest(model, shipped)
        .note("shipped workloads: " + join_names(shipped));
    throw InputError(std::move(faults));
  }
  YamlNode base = resolve_bases(load_yaml_file(*path), *path, {identity(*path)});
  return {merge_files(base, settings_of(root_)), fs::path(*path).stem().string()};
}

std::vector<std::string> BlockFile::keys() const {
  Diagnostics unused;
  return Overrider(root_, unused).keys();
}

Block load_block(const std::string& name, std::span<const std::string> overrides) {
  return BlockFile::load(name).block(overrides);
}

}  // namespace perfmodel
