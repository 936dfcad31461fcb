#include "workloads/block_operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "workloads/operator_check.hpp"
#include "workloads/sequences.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {
namespace {

// A number and a word, "2 GiB": not an expression, even if the word is no unit.
bool is_quantity(std::string_view text) {
  const std::size_t unit = text.find_first_not_of("0123456789.");
  if (unit == 0 || unit == std::string_view::npos) return false;
  const std::string_view word = trimmed(text.substr(unit));
  return !word.empty() && std::ranges::all_of(word, [](unsigned char c) { return std::isalpha(c) != 0; });
}

class OperatorReader {
 public:
  OperatorReader(YamlMap& map, ExpressionScope& scope, const OperatorDefaults& defaults)
      : map_(map), scope_(scope), defaults_(defaults) {}

  Gemm gemm() {
    Gemm gemm;
    gemm.m = size("m");
    gemm.n = size("n");
    gemm.k = size("k");
    gemm.dtype = read_enum<Dtype>(map_, "dtype").value_or(defaults_.dtype);
    // In a block, everything between the GEMMs is bf16.
    const Dtype out = defaults_.alone ? default_out_dtype(gemm.dtype) : Dtype::bf16;
    gemm.out_dtype = read_enum<Dtype>(map_, "out_dtype").value_or(out);
    gemm.impl = read_impl(map_, "impl").value_or(Impl{Family::cublas, {}});
    const auto cta_m = count("cta_m");
    const auto cta_n = count("cta_n");
    const auto cta_k = count("cta_k");
    if (cta_m && cta_n) gemm.tile = GemmTile{*cta_m, *cta_n, cta_k};
    if (map_.has("cta_m") != map_.has("cta_n")) {
      fault(map_.has("cta_m") ? "cta_m" : "cta_n", "give both cta_m and cta_n, or neither");
    }
    gemm.stages = count("stages");
    gemm.cluster = count("cluster");
    gemm.split_k = count("split_k");
    gemm.ctas = count("ctas");
    gemm.threads = count("threads");
    gemm.registers = count("registers");
    gemm.warps = count("warps");
    gemm.smem = bytes("smem");
    gemm.tma = flag("tma");
    gemm.spills = count("spills", 0);
    return gemm;
  }

  Attention attention() {
    Attention attention;
    attention.batch = size("batch");
    attention.heads = size("heads");
    attention.kv_heads = map_.has("kv_heads") ? size("kv_heads") : attention.heads;
    attention.seq_q = size("seq_q");
    attention.seq_kv = map_.has("seq_kv") ? size("seq_kv") : attention.seq_q;
    attention.head_dim = size("head_dim");
    attention.head_dim_v = map_.has("head_dim_v") ? size("head_dim_v") : attention.head_dim;
    attention.causal = flag("causal").value_or(false);
    attention.dtype = read_enum<Dtype>(map_, "dtype").value_or(Dtype::bf16);
    attention.dropout = defaults_.dropout;
    if (const YamlNode node = map_.optional_node("dropout"); !node.is_missing() && !defaults_.alone) {
      attention.dropout = scope_.number(node, "dropout", NumberRange::probability_below_one()).value_or(0.0);
    }
    attention.dropout_source = read_enum<DropoutSource>(map_, "dropout_source").value_or(defaults_.dropout_source);
    attention.mask_form = read_enum<MaskForm>(map_, "mask_form").value_or(defaults_.mask_form);
    attention.pass = defaults_.pass;
    attention.impl = read_impl(map_, "impl").value_or(defaults_.attention_impl);
    attention.cta_m = count("cta_m");
    attention.cta_n = count("cta_n");
    attention.stages = count("stages");
    attention.warps = count("warps");
    attention.registers = count("registers");
    attention.spills = count("spills", 0);
    attention.smem = bytes("smem");
    return attention;
  }

  Rng rng(const std::string& prefix) {
    Rng rng;
    rng.elements = size(prefix + "elements");
    rng.generator = read_rng(map_, "rng").value_or(defaults_.rng);
    rng.packed = flag("packed").value_or(defaults_.packed);
    rng.form = read_enum<MaskForm>(map_, "mask_form").value_or(defaults_.mask_form);
    rng.rounds = required_count(prefix + "rounds");
    rng.bits = required_count(prefix + "bits");
    rng.ctas = count(prefix + "ctas");
    rng.threads = count(prefix + "threads");
    rng.registers = count(prefix + "registers");
    return rng;
  }

  Overlap overlap() {
    Overlap overlap;
    overlap.gemm = gemm();
    overlap.rng = rng("rng_");
    overlap.carveout = read_enum<Carveout>(map_, "rng_carveout").value_or(Carveout::standard);
    overlap.order = read_enum<Order>(map_, "order").value_or(Order::rng_first);
    return overlap;
  }

  MemoryBound membound(Bytes read, Bytes written) {
    const auto kind = read_enum<MemoryKind>(map_, "kind");
    const auto given = bytes("bytes");
    const Dtype dtype = read_enum<Dtype>(map_, "dtype").value_or(Dtype::bf16);
    if (given) {
      if (!map_.has("kind")) fault("bytes", "bytes need a kind: copy, read or write");
      if (given->si() <= 0.0) fault("bytes", "expected a positive number of bytes");
      return memory_bound(kind.value_or(MemoryKind::copy), *given, dtype);
    }
    if (map_.valid() && !map_.has("bytes") && read.si() + written.si() <= 0.0 && !map_.has("reads") &&
        !map_.has("writes")) {
      map_.diagnostics().error(map_.location(),
                               fmt::format("no traffic in {}: give kind and bytes, or reads and writes", map_.what()));
    }
    return {kind.value_or(MemoryKind::copy), read, written, dtype};
  }

  template <class Sound>
  Work checked(Sound work) {
    for (const OperatorFault& found : faults_of(work)) fault(std::string(found.field), found.message);
    return work;
  }

 private:
  void fault(const std::string& key, const std::string& message) {
    map_.diagnostics().error(map_.location(key), fmt::format("'{}': {}", key, message));
  }

  std::int64_t size(const std::string& key) {
    const YamlNode node = map_.node(key);
    if (node.is_missing()) return 0;
    return scope_.integer(node, key, IntegerRange::positive()).value_or(0);
  }

  std::optional<int> count(const std::string& key, int min = 1) {
    const YamlNode node = map_.optional_node(key);
    if (node.is_missing()) return std::nullopt;
    const auto value = scope_.integer(node, key, {.min = min, .max = std::numeric_limits<int>::max()});
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  }

  int required_count(const std::string& key) {
    map_.node(key);
    return count(key).value_or(0);
  }

  std::optional<bool> flag(const std::string& key) {
    const YamlNode node = map_.optional_node(key);
    return node.is_missing() ? std::nullopt : scope_.condition(node, key);
  }

  std::optional<Bytes> bytes(const std::string& key) {
    const YamlNode node = map_.optional_node(key);
    return node.is_missing() ? std::nullopt : read_bytes(node, key, scope_, map_.diagnostics());
  }

  YamlMap& map_;
  ExpressionScope& scope_;
  const OperatorDefaults& defaults_;
};

}  // namespace

Work read_work(YamlMap& map, ExpressionScope& scope, const OperatorDefaults& defaults, Bytes read, Bytes written) {
  const std::string op = map.string("op");
  OperatorReader reader(map, scope, defaults);
  if (op == "gemm") return reader.checked(reader.gemm());
  if (op == "attention") return reader.checked(reader.attention());
  if (op == "rng") return reader.checked(reader.rng(""));
  if (op == "overlap") return reader.checked(reader.overlap());
  if (op == "membound") return reader.membound(read, written);
  map.entries();  // which keys belong is unknown with the op
  if (op == "block") {
    map.diagnostics()
        .error(map.location("op"), "'op': a block is a file of its own here")
        .note("write 'based-on: MODEL' at the top, and no operators");
  } else if (!op.empty()) {
    std::vector<std::string> known = op_names();
    std::erase(known, "block");
    map.diagnostics()
        .error(map.location("op"), fmt::format("'op': unknown op '{}'", op))
        .suggest(op, known)
        .note("known ops: " + join_names(known));
  }
  return {};
}

namespace {

// By the name of its file, or written in place.
PipelineFile named_program(const YamlNode& program) {
  if (program.is_map()) return PipelineFile::from_root(program);
  const Location where = program.location();
  const auto path = find_program_file(program.text(), where.source ? where.source->name : "");
  if (path) return PipelineFile::load(*path);
  const std::vector<std::string> shipped = pipeline_names();
  Diagnostics faults;
  faults.error(where, fmt::format("'program': there is no '{}', neither beside this file nor shipped", program.text()))
      .suggest(program.text(), shipped)
      .note("shipped programs: " + join_names(shipped));
  throw InputError(std::move(faults));
}

// The values of `with`, each of them a parameter of the program.
std::vector<ProgramSetting> read_settings(const YamlMap& with, const YamlNode& node, const PipelineFile& file,
                                          ExpressionScope& scope) {
  const std::vector<std::string> known = parameter_names(file.root());
  std::vector<ProgramSetting> settings;
  for (const YamlEntry& entry : node.entries()) {
    if (std::ranges::find(known, entry.key) == known.end()) {
      with.diagnostics()
          .error(entry.key_location, fmt::format("the program '{}' has no parameter '{}'", file.name(), entry.key))
          .suggest(entry.key, known)
          .note("its parameters: " + join_names(known));
    } else if (const auto value = scope.number(entry.value, entry.key)) {
      settings.push_back({entry.key, *value});
    }
  }
  return settings;
}

// What sequences of masks there are, by the names that stand for them.
std::vector<std::string> generators() {
  constexpr std::string_view prefix = "mask_";
  std::vector<std::string> names;
  for (const std::string& name : list_data_files("workloads/sequences", ".yaml")) {
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

// Why the sequence cannot make a mask; empty if it can.
std::string unfit(const Sequence& sequence) {
  if (sequence.provides() != "dropout" || sequence.covers() != 32) {
    return "it does not say 'provides: dropout' and 'covers: 32', a mask word of 32 decisions";
  }
  return sequence.has_parameter("bits") ? "" : "it has no parameter 'bits', the random bits of a decision";
}

}  // namespace

std::shared_ptr<const KernelProgram> read_program(YamlMap& map, ExpressionScope& scope, const Work& work) {
  const YamlNode program = map.optional_node("program");
  const YamlNode settings = map.optional_node("with");
  if (program.is_missing()) {
    if (!settings.entries().empty()) {
      map.diagnostics().error(map.key_location("with"), "'with' sets parameters of a program, and none is named");
    }
    return nullptr;
  }
  const YamlMap with(settings, "'with'", map.diagnostics());
  try {
    auto file = std::make_shared<const PipelineFile>(named_program(program));
    auto result = std::make_shared<const KernelProgram>(file, read_settings(with, settings, *file, scope));
    const std::string reason = unfit(result->pipeline(), work);
    if (!reason.empty()) map.diagnostics().error(program.location(), "'program': " + reason);
    return result;
  } catch (const InputError& error) {
    map.diagnostics().append(error.diagnostics());
    return nullptr;
  }
}

std::optional<std::string> read_rng(YamlMap& map, std::string_view key) {
  const std::optional<std::string> name = map.optional_string(key);
  if (!name) return std::nullopt;
  const std::vector<std::string> known = generators();
  const bool shipped = std::ranges::find(known, *name) != known.end();
  const std::string file = generator_sequence({.generator = *name});
  if (!shipped && file.starts_with("mask_")) {
    map.diagnostics()
        .error(map.location(key), fmt::format("'{}': unknown generator '{}'", key, *name))
        .suggest(*name, known)
        .note("known generators: " + join_names(known) + "; or the path of a file, ./mine.yaml");
    return std::nullopt;
  }
  try {
    const std::string fault = unfit(Sequence::load(file));
    if (fault.empty()) return name;
    map.diagnostics()
        .error(map.location(key), fmt::format("'{}': '{}' is no generator of masks", key, *name))
        .note(fault);
  } catch (const InputError& error) {
    map.diagnostics().error(map.location(key), fmt::format("'{}': '{}' cannot be read", key, *name)).note(error.what());
  }
  return std::nullopt;
}

std::optional<Impl> read_impl(YamlMap& map, std::string_view key) {
  const std::optional<std::string> text = map.optional_string(key);
  if (!text) return std::nullopt;
  if (auto impl = parse_impl(*text)) return impl;
  const std::string family = text->substr(0, text->find('-'));
  if (parse_enum<Family>(family)) {
    map.diagnostics().error(map.location(key), fmt::format("'{}': no version after the dash in '{}'", key, *text));
    return std::nullopt;
  }
  const auto families = enum_names<Family>();
  const std::vector<std::string> known(families.begin(), families.end());
  map.diagnostics()
      .error(map.location(key), fmt::format("'{}': unknown value '{}'", key, *text))
      .suggest(family, known)
      .note("known values: " + join_names(known));
  return std::nullopt;
}

std::optional<Bytes> read_bytes(const YamlNode& node, std::string_view what, ExpressionScope& scope,
                                Diagnostics& diagnostics) {
  if (node.is_scalar() && is_quantity(node.text())) return read_quantity<Bytes>(node, what, diagnostics);
  const auto value = scope.number(node, what, NumberRange::not_negative());
  return value ? std::optional(Bytes(*value)) : std::nullopt;
}

}  // namespace perfmodel
