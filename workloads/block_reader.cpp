#include "workloads/block_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "support/suggest.hpp"
#include "workloads/block_graph.hpp"
#include "workloads/block_operator.hpp"
#include "workloads/expression.hpp"

namespace perfmodel {
namespace {

constexpr std::array<Choice<DropoutMode>, 4> dropout_modes{{{"none", DropoutMode::none},
                                                            {"fused", DropoutMode::fused},
                                                            {"sequential", DropoutMode::sequential},
                                                            {"overlapped", DropoutMode::overlapped}}};
constexpr std::array<Choice<BlockPass>, 3> block_passes{
    {{"fwd", BlockPass::fwd}, {"bwd", BlockPass::bwd}, {"training", BlockPass::training}}};

struct Tensor {
  bool exists = true;
  Bytes bytes;
  std::string otherwise;  // read instead where the tensor does not exist
};

class BlockReader {
 public:
  BlockReader(const YamlNode& root, std::string name, Diagnostics& faults, std::shared_ptr<ParsedExpressions> parsed)
      : faults_(faults), map_(root, "the block", faults), scope_(faults, std::move(parsed)) {
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
    rng_ = read_rng(map_, "rng").value_or("");
    packed_ = map_.optional_boolean("packed").value_or(false);
    mask_form_ = read_enum<MaskForm>(map_, "mask_form").value_or(MaskForm::bits);
    redraw_ = map_.optional_boolean("redraw").value_or(false);
    block_.pass = map_.optional_choice("pass", block_passes).value_or(BlockPass::training);
    scope_.define_constant("dropout_mode", static_cast<double>(block_.dropout_mode));
    scope_.define_constant("mask_bits", mask_bytes(mask_form_, 8.0).si());
    scope_.define_constant("redraw", redraw_ ? 1.0 : 0.0);
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
      const auto count = static_cast<double>(enum_names<Dtype>().size());
      if (!(dtype >= 0.0 && dtype < count)) return std::numeric_limits<double>::quiet_NaN();
      return bytes_of(static_cast<Dtype>(static_cast<int>(dtype)), 1.0).si();
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
    faults_.error(entry.value.find("otherwise").location(),
                  fmt::format("'otherwise': '{}' leads back to itself", entry.key));
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
    const bool mask = block_.dropout_mode == DropoutMode::sequential || block_.dropout_mode == DropoutMode::overlapped;
    defaults.dropout_source = mask ? DropoutSource::mask : DropoutSource::fused;
    defaults.rng = rng_;
    defaults.packed = packed_;
    defaults.mask_form = mask_form_;
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
    order_operators(block_.operators, faults_);
    const bool all_skipped = !items.empty() && block_.operators.empty() && !faults_.has_errors();
    if (all_skipped)
      faults_.error(map_.location("operators"), "'operators': none is left, 'pass' and 'when' exclude all");
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
    if (redraw_ && own.pass == Pass::bwd) own.dropout_source = DropoutSource::fused;
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
    result.op.program = read_program(map, scope_, result.op.work);
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
    result.pass = own.pass;
    result.location = map.has("name") ? map.location("name") : map.location();
    if (map.has("under") || std::holds_alternative<Rng>(result.op.work)) under(map, result);
    block_.operators.push_back(std::move(result));
  }

  // `auto`, or the names of GEMMs; of effect only on a stream other than the first.
  void under(YamlMap& map, BlockOperator& op) {
    const YamlNode node = map.optional_node("under");
    if (node.is_missing()) return;
    if (!std::holds_alternative<Rng>(op.op.work)) {
      faults_.error(map.key_location("under"), fmt::format("'under': '{}' makes no mask", op.op.name));
      return;
    }
    if (op.stream == 0) return;
    op.hidden = true;
    if (node.is_scalar() && node.text() == "auto") return;
    if (!node.is_list() || node.items().empty()) {
      faults_.error(node.location(), "'under': expected auto or a list of GEMMs, such as [qkv, previous.ffn_up]");
      return;
    }
    constexpr std::string_view earlier = "previous.";
    for (const YamlNode& item : node.items()) {
      const bool previous = item.text().starts_with(earlier);
      op.under.push_back({item.text().substr(previous ? earlier.size() : 0), previous, item.location()});
    }
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
  std::string rng_;
  bool packed_ = false;
  MaskForm mask_form_ = MaskForm::bits;
  bool redraw_ = false;  // attention backward draws the numbers again
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int> numbered_;
  std::map<std::string, Location> names_;
};

}  // namespace

Block read_block(const YamlNode& root, std::string name, Diagnostics& faults,
                 std::shared_ptr<ParsedExpressions> parsed) {
  return BlockReader(root, std::move(name), faults, std::move(parsed)).read();
}

}  // namespace perfmodel
