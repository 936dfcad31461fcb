#include "search/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/attention_items.hpp"
#include "model/limiter.hpp"
#include "model/pipeline_budget.hpp"
#include "model/sm_explain.hpp"
#include "search/move.hpp"
#include "support/diagnostic.hpp"
#include "workloads/expression.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

namespace {

constexpr std::array<std::string_view, 10> pipe_names{"tensor", "xu",   "fma", "fma_heavy", "alu",
                                                      "issue",  "smem", "lsu", "tmem_read", "tmem_write"};
constexpr std::array<std::string_view, 23> plain_names{"cycle_load",
                                                       "gain_latency",
                                                       "gain_slot",
                                                       "interval",
                                                       "resource_bound",
                                                       "recurrence_bound",
                                                       "bound_by_recurrence",
                                                       "bound_by_contention",
                                                       "registers_held",
                                                       "registers_total",
                                                       "smem_held",
                                                       "smem_total",
                                                       "smem_limit",
                                                       "tmem_held",
                                                       "tmem_total",
                                                       "threads",
                                                       "cta_m",
                                                       "cta_n",
                                                       "cluster",
                                                       "ctas_per_sm",
                                                       "local_accesses",
                                                       "causal",
                                                       "kv_group"};
constexpr std::array<std::string_view, 2> flag_names{"persistent", "longest_first"};

// The configuration whose item is of median work stands for all: its mean item, in steady state, says what an SM does.
const Operator& typical(const Suite& suite) { return suite.configurations()[suite.configurations().size() / 2]; }

std::vector<SequenceParameter> shape_of(const Operator& op, const Pipeline& pipeline) {
  std::vector<SequenceParameter> given;
  if (const auto* attention = std::get_if<Attention>(&op.work)) {
    const AttentionItems items = attention_items(*attention, pipeline.cta_m, pipeline.cta_n, false, pipeline.cluster);
    ItemTiles mean;
    for (const ItemTiles& tiles : items.head) mean.full += tiles.full, mean.masked += tiles.masked;
    const auto count = static_cast<double>(items.head.size());
    given = {{"element_bytes", bytes_of(attention->dtype, 16).si() / 16},
             {"head_dim", static_cast<double>(attention->head_dim)},
             {"head_dim_v", static_cast<double>(attention->head_dim_v)},
             {"full_iterations", std::max(1.0, std::round(mean.full / count))},
             {"masked_iterations", std::round(mean.masked / count)},
             {"dropout", attention->dropout > 0 && attention->dropout_source == DropoutSource::fused ? 1.0 : 0.0},
             {"causal", attention->causal ? 1.0 : 0.0}};
  } else if (const auto* gemm = std::get_if<Gemm>(&op.work)) {
    given = {{"k_iterations", std::max(1.0, std::ceil(static_cast<double>(gemm->k) / std::max(1, pipeline.cta_k)))},
             {"element_bytes", bytes_of(gemm->dtype, 16).si() / 16},
             {"output_bytes", bytes_of(gemm->out_dtype, 16).si() / 16}};
  }
  return given;
}

void add_budgets(const Machine& machine, const Pipeline& pipeline, Facts& facts) {
  const auto unit = static_cast<double>(machine.registers.allocation_unit.value);
  double registers = 0;
  for (const PipelineRole& role : pipeline.roles)
    registers += role.warps * std::ceil(32.0 * role.registers / unit) * unit;
  const double ctas = pipeline.ctas_per_sm;
  const Bytes cta = pipeline.smem() + barrier_bytes(pipeline);
  facts["registers_held"] = ctas * registers;
  facts["registers_total"] =
      static_cast<double>(machine.registers.per_sub_partition.value * machine.limits.sub_partitions.value);
  facts["smem_held"] = ctas * (cta + machine.shared_memory.reserved_per_cta.value).si();
  facts["smem_total"] = machine.shared_memory.capacity.value.si();
  facts["smem_limit"] = machine.shared_memory.maximum_per_cta.value.si();
  facts["tmem_held"] = ctas * pipeline.columns();
  facts["tmem_total"] = machine.tmem.columns.present() ? static_cast<double>(machine.tmem.columns.value) : 0;
  facts["threads"] = 32.0 * pipeline.warps();
  facts["cta_m"] = pipeline.cta_m;
  facts["cta_n"] = pipeline.cta_n;
  facts["cluster"] = pipeline.cluster;
  facts["ctas_per_sm"] = ctas;
  facts["persistent"] = pipeline.persistent ? 1 : 0;
  facts["longest_first"] = pipeline.longest_first ? 1 : 0;
}

const PipelineOp* find_op(const Pipeline& pipeline, std::string_view name) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (op.name == name) return &op;
    }
  }
  return nullptr;
}

void add_cycle(const SmExplanation& found, const Pipeline& pipeline, DesignFacts& result) {
  double whole = 0;
  for (const CycleStep& step : found.cycle) whole += step.cycles;
  for (const CycleStep& step : found.cycle) {
    result.cycle.push_back(fmt::format("{} {:.0f}", step.op, step.cycles));
    const PipelineOp* op = find_op(pipeline, step.op);
    if (op == nullptr || whole <= 0) continue;
    for (const DutyAmount& duty : op->duties) {
      if (duty.amount > 0 && duty.duty != Duty::load) {
        result.facts[fmt::format("cycle_{}", duty_names[static_cast<std::size_t>(duty.duty)])] += step.cycles / whole;
      }
    }
    if (op->loaded.si() > 0) result.facts["cycle_load"] += step.cycles / whole;
  }
}

void add_relaxations(const SmExplanation& found, Facts& facts) {
  constexpr std::string_view rate = "twice the rate of ";
  constexpr std::string_view slot = "one more slot of ";
  for (const Relaxation& relaxed : found.relaxations) {
    const double gain = relaxed.interval > 0 ? std::max(0.0, found.interval / relaxed.interval - 1) : 0.0;
    if (relaxed.what.starts_with(rate)) {
      const std::string name = "gain_pipe_" + relaxed.what.substr(rate.size());
      if (facts.contains(name)) facts[name] = gain;
    } else if (relaxed.what.starts_with(slot)) {
      facts["gain_slot"] = std::max(facts["gain_slot"], gain);
    } else {
      facts["gain_latency"] = gain;
    }
  }
}

void add_simulation(const Machine& machine, const Pipeline& pipeline, DesignFacts& result) {
  const SmCode code = price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline);
  const SmExplanation found = explain(code, pipeline.ctas_per_sm);
  Facts& facts = result.facts;
  facts["interval"] = found.interval;
  facts["resource_bound"] = found.resource_bound;
  facts["recurrence_bound"] = found.recurrence_bound;
  facts["bound_by_recurrence"] = found.limiter == "recurrence" ? 1 : 0;
  facts["bound_by_contention"] = found.limiter == "contention" ? 1 : 0;
  for (const PipeShare& pipe : found.pipes) {
    const std::string name = "pipe_" + pipe.pipe;
    if (facts.contains(name)) facts[name] = pipe.utilisation;
  }
  add_cycle(found, pipeline, result);
  add_relaxations(found, facts);
  for (const PipelineSegment& segment : pipeline.segments) {
    if (segment.name != found.segment) continue;
    for (const PipelineOp& op : segment.ops) {
      for (const InstructionCount& entry : op.instructions) {
        if (entry.instruction == "ldg" || entry.instruction == "stg") facts["local_accesses"] += entry.count;
      }
    }
  }
  result.limiter = found.limiter;
}

// A rule cannot be about a program that does not evaluate; what is wrong with it is the evaluator's to say.
void add_program(const Machine& machine, const Suite& suite, const Design& design, bool simulate, DesignFacts& result) {
  YamlNode root = load_yaml_text(design.program, program_file);
  for (const Move& move : design.moves) root = apply(root, move);
  const PipelineFile file = PipelineFile::from_root(root);
  std::vector<SequenceParameter> given;
  for (const Setting& setting : design.settings) given.push_back({setting.name, setting.value});
  const Pipeline first = file.pipeline(given);

  const std::vector<SequenceParameter> shape = shape_of(typical(suite), first);
  Diagnostics faults;
  ExpressionScope scope(faults);
  for (const ShapeWord& word : shape_words(first.kind)) {
    const auto own = std::ranges::find(shape, word.name, &SequenceParameter::name);
    scope.define_constant(word.name, own == shape.end() ? word.value : own->value);
  }
  for (const YamlEntry& entry : root.find("parameters").entries()) {
    const auto value = setting_of(design, entry.key);
    YamlNode node = entry.value.is_map() ? entry.value.find("default") : entry.value;
    if (value) node = make_yaml_scalar(fmt::format("{}", *value), entry.value.location());
    scope.define_parameter(entry.key, node, entry.key_location);
  }
  for (const std::string& name : scope.parameter_names()) result.parameters[name] = scope.value(name).value_or(0);

  given.insert(given.end(), shape.begin(), shape.end());
  const Pipeline pipeline = file.pipeline(given);
  add_budgets(machine, pipeline, result.facts);
  if (simulate && overrun(result.facts) <= 0) add_simulation(machine, pipeline, result);
}

void add_suite(const Suite& suite, const Fitness& fitness, Facts& facts) {
  const double share = 1.0 / static_cast<double>(suite.configurations().size());
  for (const Operator& op : suite.configurations()) {
    const auto* attention = std::get_if<Attention>(&op.work);
    if (attention == nullptr) continue;
    facts["causal"] += attention->causal ? share : 0;
    facts["kv_group"] += share * static_cast<double>(attention->heads) / static_cast<double>(attention->kv_heads);
  }
  for (const std::string& limiter : fitness.limiters) facts["limited_by_" + limiter] += share;
}

}  // namespace

const std::vector<std::string>& fact_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all(plain_names.begin(), plain_names.end());
    all.insert(all.end(), flag_names.begin(), flag_names.end());
    for (const std::string_view pipe : pipe_names) {
      all.push_back(fmt::format("pipe_{}", pipe));
      all.push_back(fmt::format("gain_pipe_{}", pipe));
    }
    for (const std::string_view duty : duty_names) {
      if (duty != "load") all.push_back(fmt::format("cycle_{}", duty));
    }
    for (int i = 0; i < limiter_count; ++i) all.push_back(fmt::format("limited_by_{}", limiter_name(Limiter(i))));
    return all;
  }();
  return names;
}

DesignFacts facts_of(const Machine& machine, const Suite& suite, const Design& design, const Fitness& fitness,
                     bool simulate) {
  DesignFacts result;
  for (const std::string& name : fact_names()) result.facts[name] = 0;
  add_suite(suite, fitness, result.facts);
  if (design.program.empty()) {
    for (const Setting& setting : design.settings) result.parameters[setting.name] = setting.value;
    return result;
  }
  try {
    add_program(machine, suite, design, simulate, result);
  } catch (const InputError& error) {
    result.refusal = error.diagnostics().all().empty() ? error.what() : error.diagnostics().all().front().message;
  }
  return result;
}

double overrun(const Facts& facts) {
  double most = 0;
  const auto compare = [&](std::string_view held, std::string_view total) {
    const double is = facts.find(held)->second;
    const double may = facts.find(total)->second;
    if (is > may) most = std::max(most, may > 0 ? is / may - 1 : 1.0);
  };
  compare("registers_held", "registers_total");
  compare("smem_held", "smem_total");
  compare("tmem_held", "tmem_total");
  return most;
}

}  // namespace perfmodel
