#include "report/subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace perfmodel {
namespace {

SequenceEstimate sequence_of_one(const Operator& op, Estimate estimate) {
  SequenceEstimate sequence;
  sequence.name = op.name.empty() ? op_name(op) : op.name;
  sequence.regime = estimate.regime;
  sequence.total = estimate.time;
  sequence.lower = estimate.lower;
  sequence.upper = estimate.upper;
  sequence.clock = estimate.clock;
  sequence.clock_limit = estimate.clock_limit;
  sequence.power = estimate.power;
  sequence.roofline = estimate.roofline;
  const bool matmul = std::holds_alternative<Gemm>(op.work) || std::holds_alternative<Attention>(op.work);
  if (matmul) {
    sequence.matmul = estimate.time;
    sequence.matmul_lower = estimate.lower;
    sequence.matmul_upper = estimate.upper;
  }
  SequenceItem item;
  item.name = sequence.name;
  item.op = op;
  item.matmul = matmul;
  item.estimate = std::move(estimate);
  sequence.items.push_back(std::move(item));
  return sequence;
}

std::string_view pass_name(BlockPass pass) {
  static constexpr std::array<std::string_view, 3> names{"fwd", "bwd", "training"};
  return names[static_cast<std::size_t>(pass)];
}

std::string_view mode_name(DropoutMode mode) {
  static constexpr std::array<std::string_view, 4> names{"none", "fused", "sequential", "overlapped"};
  return names[static_cast<std::size_t>(mode)];
}

struct Description {
  std::string operator()(const Gemm& gemm) const {
    return fmt::format("{} x {} x {} {}", gemm.m, gemm.n, gemm.k, name_of(gemm.dtype));
  }
  std::string operator()(const Attention& attention) const {
    std::string text = fmt::format("{} x {}", attention.batch, attention.heads);
    if (attention.kv_heads != attention.heads) text += fmt::format("/{}", attention.kv_heads);
    text += fmt::format(" x {}", attention.seq_q);
    if (attention.seq_kv != attention.seq_q) text += fmt::format("/{}", attention.seq_kv);
    text += fmt::format(" x {}", attention.head_dim);
    if (attention.head_dim_v != attention.head_dim) text += fmt::format("/{}", attention.head_dim_v);
    if (attention.causal) text += " causal";
    text += fmt::format(" {} {}", name_of(attention.dtype), name_of(attention.pass));
    if (attention.dropout > 0.0) {
      text += fmt::format(", dropout {} {}", attention.dropout, name_of(attention.dropout_source));
    }
    return text;
  }
  std::string operator()(const Rng& rng) const {
    return fmt::format("{} elements, {} rounds, {} bits", rng.elements, rng.rounds, rng.bits);
  }
  std::string operator()(const MemoryBound& memory) const {
    return fmt::format("{} {:.6g} bytes", name_of(memory.kind), (memory.read + memory.written).si());
  }
  std::string operator()(const Overlap& overlap) const {
    return fmt::format("{} || {} elements", (*this)(overlap.gemm), overlap.rng.elements);
  }
  std::string operator()(const BlockRow& block) const {
    return fmt::format("{} seq {} batch {} {} {}", block.model, block.seq, block.batch, name_of(block.dtype),
                       name_of(block.pass));
  }
};

}  // namespace

const Operator* single_operator(const Subject& subject) {
  if (const auto* op = std::get_if<Operator>(&subject)) return op;
  const Block& block = std::get<Block>(subject);
  return block.single_operator && block.operators.size() == 1 ? &block.operators.front().op : nullptr;
}

SequenceEstimate solve(const Machine& machine, const Library& library, const Subject& subject,
                       const PredictOptions& options) {
  if (const Operator* op = single_operator(subject)) {
    return sequence_of_one(*op, predict(machine, library, *op, options));
  }
  return predict(machine, library, std::get<Block>(subject), options);
}

std::optional<HeldLoad> held_load(const Machine& machine, const Library& library, const Subject& subject,
                                  const PredictOptions& options, const SequenceEstimate& estimate) {
  constexpr double rounding = 1.002;
  if (estimate.regime == Regime::sustained || estimate.power <= rounding * machine.power.limit.value) return {};
  Subject repeated = subject;
  if (auto* op = std::get_if<Operator>(&repeated)) {
    op->regime = Regime::sustained;
  } else {
    Block& block = std::get<Block>(repeated);
    block.regime = Regime::sustained;
    for (BlockOperator& each : block.operators) each.op.regime = Regime::sustained;
  }
  const SequenceEstimate held = solve(machine, library, repeated, options);
  return HeldLoad{held.clock, held.power, held.total};
}

Hertz reported_clock(const Estimate& estimate) {
  return estimate.reported_clock > Hertz(0.0) ? estimate.reported_clock : estimate.clock;
}

std::string op_name(const Operator& op) {
  // In the order of the alternatives of Work.
  static constexpr std::array<std::string_view, std::variant_size_v<Work>> names{"gemm",     "attention", "rng",
                                                                                 "membound", "overlap",   "block"};
  return std::string(names[op.work.index()]);
}

std::string describe_work(const Work& work) { return std::visit(Description{}, work); }

std::string describe(const Subject& subject) {
  if (const Operator* op = single_operator(subject)) return describe_work(op->work);
  const Block& block = std::get<Block>(subject);
  std::vector<std::string> parts;
  for (const std::string_view name : {"seq", "batch"}) {
    const auto found = std::ranges::find(block.parameters, name, &BlockParameter::name);
    if (found != block.parameters.end()) parts.push_back(fmt::format("{} {}", name, found->value));
  }
  parts.emplace_back(name_of(block.dtype));
  parts.emplace_back(pass_name(block.pass));
  if (block.dropout > 0.0) parts.push_back(fmt::format("dropout {} {}", block.dropout, mode_name(block.dropout_mode)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string note_of(const Operator& op) {
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) return impl_note(gemm->impl);
  if (const auto* attention = std::get_if<Attention>(&op.work)) return impl_note(attention->impl);
  if (const auto* overlap = std::get_if<Overlap>(&op.work)) return impl_note(overlap->gemm.impl);
  if (const auto* block = std::get_if<BlockRow>(&op.work)) return impl_note(block->attention_impl);
  return {};
}

}  // namespace perfmodel
