#include "workloads/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "workloads/block_operator.hpp"
#include "workloads/expression.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t longest_chain = 16;  // files, each based on the next
constexpr std::string_view folder = "workloads";
constexpr std::string_view extension = ".yaml";

constexpr std::array<Choice<DropoutMode>, 4> dropout_modes{{{"none", DropoutMode::none},
                                                             {"fused", DropoutMode::fused},
                                                             {"sequential", DropoutMode::sequential},
                                                             {"overlapped", DropoutMode::overlapped}}};
constexpr std::array<Choice<BlockPass>, 3> block_passes{
    {{"fwd", BlockPass::fwd}, {"bwd", BlockPass::bwd}, {"training", BlockPass::training}}};

// Keys of a block file that an override may set, beside the parameters.
const std::vector<std::string>& setting_names() {
  static const std::vector<std::string> names{"seq",          "batch",          "dtype", "dropout",
                                              "dropout_mode", "attention_impl", "pass",  "regime",
                                              "machine",      "timer",          "data"};
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

[[noreturn]] void refuse_base(const YamlNode& node, std::string message, std::string note = {}) {
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
      YamlAssignment assignment = parse_assignment(text);
      if (!place(assignment)) return;
      root_ = assign(root_, assignment);
    } catch (const InputError& error) {
      faults_.append(error.diagnostics());
    }
  }

  [[nodiscard]] const YamlNode& root() const { return root_; }

  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    const YamlNode op = root_.find("op");
    for (std::size_t i = 0; i < op_names().size() && !op.is_missing(); ++i) {
      if (op_names()[i] == op.text()) keys = columns_of(static_cast<Op>(i));
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
    const std::vector<std::string> known = keys();
    if (std::ranges::find(known, key) != known.end()) return true;
    const std::string_view first = std::string_view(key).substr(0, key.find('.'));
    if (first.size() < key.size() && (first == "operators" || first == "tensors" || first == "parameters")) return true;
    faults_.error(assignment.key_location, fmt::format("unknown key '{}'", key))
        .suggest(key, known)
        .note("known keys: " + join_names(known));
    return false;
  }

  YamlNode root_;
  Diagnostics& faults_;
};

struct Tensor {
  bool exists = true;
  Bytes bytes;
  std::string otherwise;  // read instead where the tensor does not exist
};

class BlockReader {
 public:
  BlockReader(const YamlNode& root, std::string name, Diagnostics& faults)
      : faults_(faults), map_(root, "the block", faults), scope_(faults) {
    block_.name = std::move(name);
    block_.single_operator = map_.has("op");
  }

  Block read() {
    settings();
    parameters();
    tensors();
    if (block_.single_operator) {
      single();
    } else {
      operators();
    }
    map_.finish();
    return std::move(block_);
  }

 private:
  void settings() {
    if (const auto name = map_.optional_string("name")) block_.name = *name;
    block_.description = map_.optional_string("description").value_or("");
    if (const auto machine = map_.optional_string("machine")) {
      block_.machine = NamedPlace{*machine, map_.location("machine")};
    }
    block_.regime = read_enum<Regime>(map_, "regime");
    timer_ = read_enum<Timer>(map_, "timer").value_or(Timer::cupti);
    data_ = read_enum<DataKind>(map_, "data").value_or(DataKind::random);
    block_.dtype = read_enum<Dtype>(map_, "dtype").value_or(Dtype::bf16);
    define_words();
    if (block_.single_operator) {
      const Pass pass = read_enum<Pass>(map_, "pass").value_or(Pass::fwd);
      block_.pass = pass == Pass::fwd ? BlockPass::fwd : BlockPass::bwd;
      return;
    }
    block_.dropout_mode = map_.optional_choice("dropout_mode", dropout_modes).value_or(DropoutMode::fused);
    block_.attention_impl = read_impl(map_, "attention_impl").value_or(block_.attention_impl);
    block_.pass = map_.optional_choice("pass", block_passes).value_or(BlockPass::training);
    scope_.define_constant("dropout_mode", static_cast<double>(block_.dropout_mode));
    scope_.define_constant("pass", static_cast<double>(block_.pass));
  }

  // The words that expressions compare settings with.
  void define_words() {
    scope_.define_constant("true", 1.0);
    scope_.define_constant("false", 0.0);
    const auto dtypes = enum_names<Dtype>();
    for (std::size_t i = 0; i < dtypes.size(); ++i) scope_.define_constant(dtypes[i], static_cast<double>(i));
    for (const auto& mode : dropout_modes) scope_.define_constant(mode.name, static_cast<double>(mode.value));
    for (const auto& pass : block_passes) scope_.define_constant(pass.name, static_cast<double>(pass.value));
    scope_.define_constant("dtype", static_cast<double>(block_.dtype));
    scope_.define_function("bytes", [](double dtype) {
      const double last = static_cast<double>(enum_names<Dtype>().size()) - 1.0;
      return bytes_of(static_cast<Dtype>(static_cast<int>(std::clamp(dtype, 0.0, last))), 1.0).si();
    });
  }

  void parameters() {
    if (!block_.single_operator) {
      for (const std::string key : {"seq", "batch"}) define_setting(key);
    }
    block_.dropout = dropout();
    const YamlMap map = map_.optional_map("parameters");
    if (map.valid()) {
      for (const YamlEntry& entry : map_.node("parameters").entries()) {
        scope_.define_parameter(entry.key, entry.value, entry.key_location);
      }
    }
    for (const std::string& name : scope_.parameter_names()) {
      if (const auto value = scope_.value(name)) block_.parameters.push_back({name, *value});
    }
  }

  // seq and batch are parameters with a key of their own; they have to be whole.
  void define_setting(const std::string& key) {
    const YamlNode node = map_.optional_node(key);
    if (node.is_missing()) return;
    const auto value = scope_.integer(node, key, IntegerRange::positive());
    scope_.define_parameter(key, make_yaml_scalar(std::to_string(value.value_or(1)), node.location()),
                            map_.key_location(key));
  }

  double dropout() {
    const YamlNode node = map_.optional_node("dropout");
    const bool none = block_.dropout_mode == DropoutMode::none;
    double value = 0.0;
    if (!node.is_missing()) {
      value = scope_.number(node, "dropout", NumberRange::probability_below_one()).value_or(0.0);
    }
    value = none ? 0.0 : value;
    if (!block_.single_operator) scope_.define_constant("dropout", value);
    return value;
  }

  void tensors() {
    if (!map_.optional_map("tensors").valid()) return;
    for (const YamlEntry& entry : map_.node("tensors").entries()) tensors_[entry.key] = tensor(entry);
    for (const YamlEntry& entry : map_.node("tensors").entries()) check_otherwise(entry);
  }

  Tensor tensor(const YamlEntry& entry) {
    Tensor result;
    YamlNode bytes = entry.value;
    if (entry.value.is_map()) {
      YamlMap map(entry.value, fmt::format("tensor '{}'", entry.key), faults_);
      bytes = map.node("bytes");
      const YamlNode when = map.optional_node("when");
      if (!when.is_missing()) result.exists = scope_.condition(when, "when").value_or(false);
      result.otherwise = map.optional_string("otherwise").value_or("");
      map.finish();
    }
    if (bytes.is_missing()) return result;
    const auto value = read_bytes(bytes, entry.key, scope_, faults_);
    if (value && result.exists && value->si() <= 0.0) {
      faults_.error(bytes.location(), fmt::format("'{}': expected a positive number of bytes, '{}' gives {}", entry.key,
                                                  bytes.text(), value->si()));
    }
    result.bytes = value.value_or(Bytes(0.0));
    return result;
  }

  void check_otherwise(const YamlEntry& entry) {
    std::string name = entry.key;
    for (std::size_t steps = 0; steps <= tensors_.size(); ++steps) {
      const std::string next = tensors_[name].otherwise;
      if (next.empty()) return;
      if (!tensors_.contains(next)) {
        if (steps == 0) unknown_tensor(entry.value.find("otherwise"), "otherwise");
        return;
      }
      name = next;
    }
    faults_.error(entry.value.find("otherwise").location(), fmt::format("'otherwise': '{}' leads back to itself",
                                                                        entry.key));
    tensors_[entry.key].otherwise.clear();
  }

  void unknown_tensor(const YamlNode& node, std::string_view what) {
    std::vector<std::string> known;
    for (const YamlEntry& entry : map_.node("tensors").entries()) known.push_back(entry.key);
    auto& found = faults_.error(node.location(), fmt::format("'{}': unknown tensor '{}'", what, node.text()));
    found.suggest(node.text(), known);
    found.note(known.empty() ? "there is no 'tensors' in this file" : "known tensors: " + join_names(known));
  }

  std::vector<TensorUse> uses(YamlMap& map, const std::string& key, bool reading) {
    std::vector<TensorUse> result;
    for (const YamlNode& item : map.optional_list(key)) {
      if (!item.is_scalar() || !tensors_.contains(item.text())) {
        unknown_tensor(item, key);
        continue;
      }
      std::string name = item.text();
      while (reading && !tensors_[name].exists && tensors_.contains(tensors_[name].otherwise)) {
        name = tensors_[name].otherwise;
      }
      if (tensors_[name].exists) result.push_back({name, tensors_[name].bytes});
    }
    return result;
  }

  static Bytes total(const std::vector<TensorUse>& uses) {
    Bytes sum;
    for (const TensorUse& use : uses) sum += use.bytes;
    return sum;
  }

  [[nodiscard]] OperatorDefaults defaults() const {
    OperatorDefaults defaults;
    defaults.dtype = block_.dtype;
    defaults.alone = block_.single_operator;
    defaults.dropout = block_.dropout;
    const bool mask =
        block_.dropout_mode == DropoutMode::sequential || block_.dropout_mode == DropoutMode::overlapped;
    defaults.dropout_source = mask ? DropoutSource::mask : DropoutSource::fused;
    defaults.attention_impl = block_.attention_impl;
    return defaults;
  }

  void single() {
    OperatorDefaults own = defaults();
    own.pass = block_.pass == BlockPass::fwd ? Pass::fwd : Pass::bwd;
    add(map_, block_.name, own);
  }

  void operators() {
    if (!map_.has("operators")) {
      faults_.error(map_.location(), "there is nothing to predict: no 'op' and no 'operators'");
      map_.optional_node("operators");
      return;
    }
    const std::vector<YamlNode> items = map_.list("operators");
    if (map_.valid() && items.empty() && map_.node("operators").is_list()) {
      faults_.error(map_.location("operators"), "'operators': the list is empty");
    }
    for (const YamlNode& item : items) read_operator(item);
    const bool all_skipped = !items.empty() && block_.operators.empty() && !faults_.has_errors();
    if (all_skipped) faults_.error(map_.location("operators"), "'operators': none is left, 'pass' and 'when' exclude all");
  }

  void read_operator(const YamlNode& item) {
    const std::string given = item.find("name").is_scalar() ? item.find("name").text() : "";
    const std::string op = item.find("op").is_scalar() ? item.find("op").text() : "";
    const std::string name = given.empty() ? unique_name(op.empty() ? "operator" : op) : given;
    YamlMap map(item, fmt::format("operator '{}'", name), faults_);
    if (!map.valid()) return;
    map.optional_string("name");
    if (!given.empty()) check_unique(given, map.location("name"));
    OperatorDefaults own = defaults();
    own.pass = read_enum<Pass>(map, "pass").value_or(Pass::fwd);
    const BlockPass excluded = own.pass == Pass::fwd ? BlockPass::bwd : BlockPass::fwd;
    const YamlNode when = map.optional_node("when");
    const bool wanted = when.is_missing() || scope_.condition(when, "when").value_or(true);
    // What does not run is not looked at: its shapes may make no sense here.
    if (!wanted || block_.pass == excluded) return;
    add(map, name, own);
    map.finish();
  }

  void add(YamlMap& map, const std::string& name, const OperatorDefaults& own) {
    BlockOperator result;
    result.reads = uses(map, "reads", /*reading=*/true);
    result.writes = uses(map, "writes", /*reading=*/false);
    result.op.work = read_work(map, scope_, own, total(result.reads), total(result.writes));
    result.op.name = name;
    result.op.data = data_;
    result.op.timer = timer_;
    result.op.regime = block_.regime;
    const YamlNode stream = map.optional_node("stream");
    if (!stream.is_missing()) {
      result.stream = static_cast<int>(scope_.integer(stream, "stream", {.min = 0, .max = 15}).value_or(0));
    }
    const YamlNode matmul = map.optional_node("matmul");
    if (!matmul.is_missing()) result.matmul = scope_.condition(matmul, "matmul").value_or(false);
    block_.operators.push_back(std::move(result));
  }

  std::string unique_name(const std::string& base) {
    const int number = ++numbered_[base];
    return number == 1 ? base : fmt::format("{}-{}", base, number);
  }

  void check_unique(const std::string& name, const Location& where) {
    const auto [first, fresh] = names_.emplace(name, where);
    if (fresh) return;
    faults_.error(where, fmt::format("'name': a second operator '{}'", name)).note(first->second, "the first is here");
  }

  Diagnostics& faults_;
  YamlMap map_;
  ExpressionScope scope_;
  Block block_;
  Timer timer_ = Timer::cupti;
  DataKind data_ = DataKind::random;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int> numbered_;
  std::map<std::string, Location> names_;
};

}  // namespace

BlockFile::BlockFile(YamlNode root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

BlockFile BlockFile::load(const std::string& name) {
  const std::string path = name == "-" ? name : find_data_file(name, folder, extension).value_or(name);
  if (path != "-" && !fs::exists(fs::path(path))) {
    const std::vector<std::string> shipped = list_data_files(folder, extension);
    Diagnostics faults;
    faults.error(file_location(name), "no such file, and no shipped workload of that name")
        .suggest(name, shipped)
        .note("shipped workloads: " + join_names(shipped));
    throw InputError(faults);
  }
  const YamlNode root = load_yaml_file(path);
  const bool from_stdin = path == "-";
  YamlNode resolved = resolve_bases(root, from_stdin ? "" : path, from_stdin ? std::vector<std::string>{}
                                                                             : std::vector{identity(path)});
  return {std::move(resolved), from_stdin ? "stdin" : fs::path(path).stem().string()};
}

BlockFile BlockFile::from_text(std::string text, std::string_view name) {
  return {resolve_bases(load_yaml_text(std::move(text), name), "", {}), fs::path(name).stem().string()};
}

Block BlockFile::block(std::span<const std::string> overrides) const {
  Diagnostics faults;
  Overrider overrider(root_, faults);
  for (const std::string& text : overrides) overrider.apply(text);
  Block result = BlockReader(overrider.root(), name_, faults).read();
  faults.throw_if_errors();
  return result;
}

std::vector<std::string> BlockFile::keys() const {
  Diagnostics unused;
  return Overrider(root_, unused).keys();
}

Block load_block(const std::string& name, std::span<const std::string> overrides) {
  return BlockFile::load(name).block(overrides);
}

const BlockFile& BlockModels::get(const std::string& model) {
  const auto found = files_.find(model);
  if (found != files_.end()) return found->second;
  return files_.emplace(model, BlockFile::load(data_path(fmt::format("{}/{}{}", folder, model, extension))))
      .first->second;
}

Block expand_block_row(const Operator& row, BlockModels& models) {
  const auto& wanted = std::get<BlockRow>(row.work);
  const std::vector<std::string> overrides{
      fmt::format("seq={}", wanted.seq),
      fmt::format("batch={}", wanted.batch),
      fmt::format("dtype={}", name_of(wanted.dtype)),
      fmt::format("dropout={}", wanted.dropout),
      "dropout_mode=fused",
      fmt::format("attention_impl={}", impl_name(wanted.attention_impl)),
      fmt::format("pass={}", name_of(wanted.pass)),
  };
  Block block = models.get(wanted.model).block(overrides);
  block.regime = row.regime.value_or(Regime::sustained);
  for (BlockOperator& op : block.operators) {
    op.op.data = row.data;
    op.op.timer = row.timer;
    op.op.regime = block.regime;
  }
  return wanted.operators == BlockPart::matmul ? matmul_part(block) : block;
}

Block matmul_part(const Block& block) {
  Block part = block;
  std::erase_if(part.operators, [](const BlockOperator& op) { return !op.matmul; });
  return part;
}

Flops flops_of(const Block& block) {
  Flops sum;
  for (const BlockOperator& op : block.operators) sum += flops_of(op.op.work);
  return sum;
}

}  // namespace perfmodel
