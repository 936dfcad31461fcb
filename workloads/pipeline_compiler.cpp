// CompiledPipeline::compile: the walk through a file that PipelineReader makes, once, with slots in place of values.
#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "support/parse.hpp"
#include "workloads/compiled_pipeline.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

namespace {

// Thrown and caught in this file: a form that does not compile.
struct GiveUp {};

constexpr double swizzled = 128;  // as in the reader
constexpr double most = std::numeric_limits<double>::max();

bool is_product(std::string_view key) { return key == "mma" || key == "mma_pair" || key == "mma_sync"; }

template <class Names>
std::size_t index_of(const Names& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw GiveUp{};
  return static_cast<std::size_t>(found - names.begin());
}

template <class Items>
int index_by_name(const Items& items, std::string_view name) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].made.name == name) return static_cast<int>(i);
  }
  throw GiveUp{};
}

}  // namespace

class PipelineCompiler {
 public:
  using Compiled = CompiledPipeline;

  PipelineCompiler(const YamlNode& root, const Compiled::Sequences& sequences, const Pipeline& read)
      : root_(root), sequences_(sequences), parameters_(root.find("parameters")) {
    made_.head_ = read;
    made_.head_.roles.clear();
    made_.head_.channels.clear();
    made_.head_.segments.clear();
    one_ = condition_ = made_.sheet_.constant(1);
  }

  Compiled compile() {
    for (const ShapeWord& word : shape_words(made_.head_.kind)) {
      const FormulaSlot slot = input(word.name);
      words_.emplace(std::string(word.name),
                     made_.sheet_.step(FormulaCode::given, made_.sheet_.constant(word.value), slot));
    }
    for (const YamlEntry& entry : parameters_.entries()) given_.emplace(entry.key, input(entry.key));
    compile_head();
    compile_roles();
    compile_channels();
    for (const YamlNode& segment : root_.find("segments").items()) compile_segment(segment);
    set_words();
    made_.find_inputs();
    return std::move(made_);
  }

 private:
  // The values of names in a scope: the shape's words, and parameters with what a segment sets in their place.
  struct Scope {
    YamlNode overrides;
    std::map<std::string, FormulaSlot, std::less<>> known;
    std::set<std::string, std::less<>> running;
  };

  FormulaSlot input(std::string_view name) {
    const FormulaSlot slot = made_.sheet_.input();
    made_.inputs_.push_back({std::string(name), slot});
    return slot;
  }

  void check(FormulaSlot value, double min, double max, bool above_min = false, bool whole = false) {
    if (!checked_.emplace(value, condition_, min, max, above_min, whole).second) return;
    made_.checks_.push_back({value, condition_, 0, min, max, above_min, whole});
  }

  FormulaSlot expression(const YamlNode& node, Scope& scope) {
    if (!node.is_scalar()) throw GiveUp{};
    const auto slot =
        made_.sheet_.compile(node.text(), [&](std::string_view name) { return std::optional(resolve(name, scope)); });
    if (!slot) throw GiveUp{};
    check(*slot, -most, most);
    return *slot;
  }

  FormulaSlot resolve(std::string_view name, Scope& scope) {
    if (const auto word = words_.find(name); word != words_.end()) return word->second;
    if (const auto known = scope.known.find(name); known != scope.known.end()) return known->second;
    if (!scope.running.insert(std::string(name)).second) throw GiveUp{};
    const YamlNode set_here = scope.overrides.find(name);
    FormulaSlot slot = 0;
    if (!set_here.is_missing()) {
      slot = expression(set_here, scope);
    } else {
      const YamlNode own = parameters_.find(name);
      if (own.is_missing()) throw GiveUp{};
      slot = made_.sheet_.step(FormulaCode::given, expression(own.is_map() ? own.find("default") : own, scope),
                               given_.find(name)->second);
      check(slot, -most, most);
    }
    scope.running.erase(scope.running.find(name));
    scope.known.emplace(std::string(name), slot);
    return slot;
  }

  FormulaSlot number(const YamlNode& node, Scope& scope, double min, double max, bool above_min = false) {
    const FormulaSlot slot = expression(node, scope);
    check(slot, min, max, above_min);
    return slot;
  }

  FormulaSlot whole(const YamlNode& node, Scope& scope, double min, double max) {
    const FormulaSlot slot = expression(node, scope);
    check(slot, min, max, false, true);
    return slot;
  }

  FormulaSlot optional_whole(const YamlNode& node, Scope& scope, double otherwise, double min, double max) {
    return node.is_missing() ? made_.sheet_.constant(otherwise) : whole(node, scope, min, max);
  }

  FormulaSlot amount(const YamlNode& node, Scope& scope) {
    return node.is_missing() ? made_.sheet_.constant(0) : number(node, scope, 0, most);
  }

  FormulaSlot when(const YamlNode& node, Scope& scope) {
    const YamlNode condition = node.find("when");
    return condition.is_missing() ? one_ : expression(condition, scope);
  }

  void compile_head() {
    for (const YamlEntry& entry : parameters_.entries()) {
      const FormulaSlot value = resolve(entry.key, base_);
      Compiled::Parameter parameter{entry.key, value, -1, -1};
      const auto bound = [&](std::string_view key, FormulaCode code, FormulaSlot& slot) {
        const YamlNode limit = entry.value.is_map() ? entry.value.find(key) : YamlNode();
        if (limit.is_missing()) return;
        slot = expression(limit, base_);
        check(made_.sheet_.step(code, value, slot), 1, 1);
      };
      bound("min", FormulaCode::at_least, parameter.low);
      bound("max", FormulaCode::at_most, parameter.high);
      made_.parameters_.push_back(std::move(parameter));
    }
    made_.split_k_ = optional_whole(root_.find("split_k"), base_, 1, 1, 64);
    made_.cluster_ = optional_whole(root_.find("cluster"), base_, 1, 1, 16);
    made_.ctas_per_sm_ = optional_whole(root_.find("ctas_per_sm"), base_, 1, 1, 32);
    const YamlNode tile = root_.find("cta_tile");
    const auto side = [&](std::string_view key, double otherwise) {
      return optional_whole(tile.find(key), base_, otherwise, 8, 4096);
    };
    made_.cta_m_ = side("m", 0);
    made_.cta_n_ = side("n", 0);
    made_.cta_k_ = side("k", tile.is_missing() ? 0 : 1);
  }

  void compile_roles() {
    for (const YamlEntry& entry : root_.find("roles").entries()) {
      Compiled::Role role;
      role.made.name = entry.key;
      role.made.location = entry.key_location;
      role.warps = whole(entry.value.find("warps"), base_, 1, 32);
      role.registers = optional_whole(entry.value.find("registers"), base_, 0, 16, 256);
      role.when = when(entry.value, base_);
      made_.roles_.push_back(std::move(role));
    }
  }

  void compile_channels() {
    for (const YamlEntry& entry : root_.find("channels").entries()) {
      Compiled::Channel channel;
      channel.made.name = entry.key;
      channel.made.location = entry.key_location;
      channel.when = when(entry.value, base_);
      channel.depth = optional_whole(entry.value.find("depth"), base_, 1, 1, 32);
      channel.initial = optional_whole(entry.value.find("initial"), base_, 0, 0, 32);
      check(made_.sheet_.step(FormulaCode::subtract, channel.depth, channel.initial), 0, most);
      channel.smem = amount(entry.value.find("bytes_smem"), base_);
      channel.tmem = amount(entry.value.find("bytes_tmem"), base_);
      channel.made.stated =
          !entry.value.find("bytes_smem").is_missing() || !entry.value.find("bytes_tmem").is_missing();
      made_.channels_.push_back(std::move(channel));
    }
  }

  void compile_segment(const YamlNode& node) {
    Compiled::Segment segment;
    segment.made.name = node.find("name").text();
    segment.made.location = node.location();
    const YamlNode count = node.find("count");
    segment.count = count.is_missing() ? one_ : number(count, base_, 0, 1e9);
    Scope scope{node.find("with"), {}, {}};
    for (const YamlNode& op : node.find("ops").items()) segment.ops.push_back(compile_op(op, scope));
    made_.segments_.push_back(std::move(segment));
  }

  Compiled::Op compile_op(const YamlNode& node, Scope& scope) {
    Compiled::Op op;
    op.made.name = node.find("name").text();
    op.made.location = node.location();
    op.made.role = index_by_name(made_.roles_, node.find("role").text());
    op.when = when(node, scope);
    if (const YamlNode async = node.find("async"); !async.is_missing()) {
      op.made.engine =
          static_cast<Engine>(index_of(std::array<std::string_view, 3>{"none", "tensor", "tma"}, async.text()));
    }
    op.made.from_dram = node.find("source").text() == "dram";
    // What an operation does is read only where it is there.
    condition_ = op.when;
    compile_work(node, scope, op);
    if (const YamlNode row = node.find("row"); op.made.engine == Engine::tma) {
      const FormulaSlot bytes = row.is_missing() ? made_.sheet_.constant(swizzled) : number(row, scope, 1, 1e6);
      op.rows = made_.sheet_.step(FormulaCode::divide, op.loaded, bytes);
    } else {
      op.rows = made_.sheet_.constant(0);
    }
    condition_ = one_;
    for (const PipelineRead& taken : channels_of(node.find("takes"))) op.made.takes.push_back(taken.channel);
    op.made.reads = channels_of(node.find("reads"));
    for (const PipelineRead& given : channels_of(node.find("gives"))) op.made.gives.push_back(given.channel);
    return op;
  }

  std::vector<PipelineRead> channels_of(const YamlNode& list) {
    std::vector<PipelineRead> channels;
    for (const YamlNode& node : list.items()) {
      const std::string_view text = node.text();
      const std::size_t plus = text.find('+');
      int ahead = 0;
      if (plus != std::string_view::npos) {
        const ParsedInteger parsed = parse_integer(text.substr(plus + 1), {0, 16});
        if (!parsed.error.empty()) throw GiveUp{};
        ahead = static_cast<int>(parsed.value);
      }
      channels.push_back({index_by_name(made_.channels_, text.substr(0, plus)), ahead});
    }
    return channels;
  }

  void compile_work(const YamlNode& node, Scope& scope, Compiled::Op& op) {
    op.loaded = op.stored = op.smem = made_.sheet_.constant(0);
    for (const YamlEntry& entry : node.find("does").entries()) {
      if (is_product(entry.key)) {
        compile_product(entry, node, scope, op);
      } else if (entry.key == "load" || entry.key == "store") {
        const bool load = entry.key == "load";
        const FormulaSlot bytes = amount(entry.value, scope);
        (load ? op.loaded : op.stored) = bytes;
        op.duties.push_back({load ? Duty::load : Duty::store, bytes});
      } else if (entry.key == "smem") {
        op.smem = amount(entry.value, scope);
      } else if (const auto sequence = sequences_.find(entry.key); sequence != sequences_.end()) {
        compile_sequence(entry, sequence->second, scope, op);
      } else {
        add_count(entry.key, amount(entry.value, scope), op.instructions);
      }
    }
    if (op.made.engine != Engine::none && !op.instructions.empty()) throw GiveUp{};
    if (!op.made.mma && !(node.find("is").is_missing() && node.find("a").is_missing())) throw GiveUp{};
  }

  void compile_product(const YamlEntry& entry, const YamlNode& node, Scope& scope, Compiled::Op& op) {
    if (entry.value.items().size() != 3 || op.made.mma) throw GiveUp{};
    PipelineMma mma;
    mma.pair = entry.key == "mma_pair";
    mma.registers_b = entry.key == "mma_sync";
    mma.a = mma.registers_b ? OperandHome::registers : OperandHome::smem;
    if (const YamlNode home = node.find("a"); !home.is_missing()) {
      mma.a =
          static_cast<OperandHome>(index_of(std::array<std::string_view, 3>{"smem", "tmem", "registers"}, home.text()));
    }
    if (mma.pair) check(made_.cluster_, 2, most);
    const auto side = [&](std::size_t i) { return number(entry.value.items()[i], scope, 0, 1e6, /*above_min=*/true); };
    op.m = side(0);
    op.n = side(1);
    op.k = side(2);
    op.made.mma = mma;
    const std::size_t duty = index_of(duty_names, node.find("is").text());
    if (duty > static_cast<std::size_t>(Duty::gemm)) throw GiveUp{};
    op.duties.push_back({static_cast<Duty>(duty), -1});
  }

  void add_count(std::string_view instruction, FormulaSlot count, std::vector<Compiled::Count>& counts) {
    const auto found = std::ranges::find(counts, instruction, &Compiled::Count::instruction);
    if (found == counts.end()) {
      counts.push_back({std::string(instruction), count});
    } else {
      found->count = made_.sheet_.step(FormulaCode::add, found->count, count);
    }
  }

  // The names that a sequence's expressions see: its parameters, as given here or as its file has them.
  Scope sequence_scope(const YamlEntry& entry, const Sequence& sequence, Scope& outer) {
    Scope scope;
    const YamlNode parameters = sequence.root().find("parameters");
    for (const YamlEntry& field : entry.value.entries()) {
      if (field.key == "count") continue;
      if (parameters.find(field.key).is_missing()) throw GiveUp{};
      const FormulaSlot value = expression(field.value, outer);
      scope.known.emplace(field.key, value);
      // Rounds and bits of a random number are the operator's.
      if (const auto word = words_.find(field.key); word != words_.end()) {
        check(made_.sheet_.step(FormulaCode::equal, value, word->second), 1, 1);
      }
    }
    return scope;
  }

  FormulaSlot in_sequence(const YamlNode& node, const YamlNode& parameters, Scope& scope) {
    if (!node.is_scalar()) throw GiveUp{};
    const FormulaSheet::Resolve resolve = [&](std::string_view name) -> std::optional<FormulaSlot> {
      if (const auto known = scope.known.find(name); known != scope.known.end()) return known->second;
      const YamlNode own = parameters.find(name);
      if (own.is_missing() || !scope.running.insert(std::string(name)).second) throw GiveUp{};
      const FormulaSlot slot = in_sequence(own, parameters, scope);
      scope.running.erase(scope.running.find(name));
      scope.known.emplace(std::string(name), slot);
      return slot;
    };
    const auto slot = made_.sheet_.compile(node.text(), resolve);
    if (!slot) throw GiveUp{};
    check(*slot, -most, most);
    return *slot;
  }

  // What scales the counts to a total that was counted in compiled code for just these parameters.
  FormulaSlot counted_scale(const YamlNode& root, const std::vector<Compiled::Count>& counts, Scope& scope) {
    FormulaSlot total = made_.sheet_.constant(0);
    for (const Compiled::Count& each : counts) total = made_.sheet_.step(FormulaCode::add, total, each.count);
    FormulaSlot scale = one_;
    const std::vector<YamlNode>& items = root.find("counted").items();
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
      FormulaSlot same = made_.sheet_.step(FormulaCode::greater, total, made_.sheet_.constant(0));
      for (const YamlEntry& entry : item->entries()) {
        if (entry.key == "total") continue;
        const FormulaSlot wanted = in_sequence(entry.value, root.find("parameters"), scope);
        const FormulaSlot actual =
            in_sequence(make_yaml_scalar(entry.key, entry.key_location), root.find("parameters"), scope);
        same = made_.sheet_.step(FormulaCode::both, same, made_.sheet_.step(FormulaCode::equal, wanted, actual));
      }
      const FormulaSlot counted = in_sequence(item->find("total"), root.find("parameters"), scope);
      scale =
          made_.sheet_.step(FormulaCode::select, same, made_.sheet_.step(FormulaCode::divide, counted, total), scale);
    }
    return scale;
  }

  std::vector<Compiled::Count> sequence_counts(const YamlNode& map, const YamlNode& parameters, Scope& scope) {
    std::vector<Compiled::Count> counts;
    for (const YamlEntry& entry : map.entries()) {
      const FormulaSlot count = in_sequence(entry.value, parameters, scope);
      check(count, 0, most);
      counts.push_back({entry.key, count});
    }
    return counts;
  }

  void compile_sequence(const YamlEntry& entry, const Sequence& sequence, Scope& outer, Compiled::Op& op) {
    Scope scope = sequence_scope(entry, sequence, outer);
    const FormulaSlot amount = number(entry.value.is_map() ? entry.value.find("count") : entry.value, outer, 0, most);
    const YamlNode parameters = sequence.root().find("parameters");
    const std::vector<Compiled::Count> counts =
        sequence_counts(sequence.root().find("instructions"), parameters, scope);
    const FormulaSlot scale = counted_scale(sequence.root(), counts, scope);
    for (const Compiled::Count& each : counts) {
      const FormulaSlot scaled =
          scale == one_ ? each.count : made_.sheet_.step(FormulaCode::multiply, each.count, scale);
      add_count(each.instruction, made_.sheet_.step(FormulaCode::multiply, scaled, amount), op.instructions);
    }
    const FormulaSlot any = made_.sheet_.step(FormulaCode::greater, amount, made_.sheet_.constant(0));
    for (const Compiled::Count& each : sequence_counts(sequence.root().find("chain"), parameters, scope)) {
      add_count(each.instruction, made_.sheet_.step(FormulaCode::multiply, each.count, any), op.chain);
    }
    const auto duty = std::ranges::find(duty_names, sequence.provides());
    if (duty == duty_names.end()) return;
    const FormulaSlot covered =
        made_.sheet_.step(FormulaCode::multiply, amount, made_.sheet_.constant(sequence.covers()));
    op.duties.push_back({static_cast<Duty>(duty - duty_names.begin()), covered});
  }

  // As PipelineReader::set_demand.
  void set_words() {
    const auto word = [&](std::string_view name, FormulaSlot& slot) {
      if (const auto found = words_.find(name); found != words_.end()) slot = found->second;
    };
    Compiled::Words& words = made_.words_;
    word("head_dim", words.head_dim);
    word("head_dim_v", words.head_dim_v);
    word("element_bytes", words.element_bytes);
    word("output_bytes", words.output_bytes);
    word("full_iterations", words.full);
    word("masked_iterations", words.masked);
    word("dropout", words.dropout);
    word("k_iterations", words.k_iterations);
    word("words", words.words);
    word("fixups", words.fixups);
  }

  const YamlNode& root_;
  const Compiled::Sequences& sequences_;
  YamlNode parameters_;
  Compiled made_;
  std::map<std::string, FormulaSlot, std::less<>> words_;
  std::map<std::string, FormulaSlot, std::less<>> given_;
  Scope base_;
  FormulaSlot one_ = 0;
  FormulaSlot condition_ = 0;  // of what is being compiled
  std::set<std::tuple<FormulaSlot, FormulaSlot, double, double, bool, bool>> checked_;
};

std::optional<CompiledPipeline> CompiledPipeline::compile(const YamlNode& root, const Sequences& sequences,
                                                          const Pipeline& read) {
  try {
    return PipelineCompiler(root, sequences, read).compile();
  } catch (const GiveUp&) {
    return std::nullopt;
  }
}

}  // namespace perfmodel
