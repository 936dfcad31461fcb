#include "validate/baseline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace perfmodel {
namespace {

double as_double(std::int64_t value) { return static_cast<double>(value); }

struct MinimalBytes {
  Bytes operator()(const Gemm& gemm) const {
    const double m = as_double(gemm.m);
    const double n = as_double(gemm.n);
    const double k = as_double(gemm.k);
    return bytes_of(gemm.dtype, m * k + k * n) + bytes_of(gemm.out_dtype, m * n);
  }
  Bytes operator()(const Attention& attention) const {
    const double batch = as_double(attention.batch);
    const double width = as_double(attention.head_dim);
    const double width_v = as_double(attention.head_dim_v);
    const double queries = batch * as_double(attention.heads) * as_double(attention.seq_q);
    const double keys = batch * as_double(attention.kv_heads) * as_double(attention.seq_kv);
    const Bytes forward = bytes_of(attention.dtype, queries * (width + width_v) + keys * (width + width_v));
    // Backward reads all that and the output's gradient, and writes the gradients of queries, keys and values.
    return attention.pass == Pass::fwd ? forward : 2.0 * forward + bytes_of(attention.dtype, queries * width_v);
  }
  Bytes operator()(const Rng& rng) const { return Bytes(as_double(rng.elements) / 8.0); }
  Bytes operator()(const MemoryBound& memory) const { return memory.read + memory.written; }
  Bytes operator()(const Overlap& overlap) const { return (*this)(overlap.gemm) + (*this)(overlap.rng); }
  Bytes operator()(const BlockRow& /*block*/) const { return Bytes(0.0); }
};

const Constant<FlopsPerCycle>* tensor_peak(const Machine& machine, const Work& work) {
  const Dtype* dtype = nullptr;
  if (const auto* gemm = std::get_if<Gemm>(&work)) dtype = &gemm->dtype;
  if (const auto* attention = std::get_if<Attention>(&work)) dtype = &attention->dtype;
  if (const auto* overlap = std::get_if<Overlap>(&work)) dtype = &overlap->gemm.dtype;
  if (dtype == nullptr) return nullptr;
  switch (*dtype) {
    case Dtype::fp16: return &machine.tensor.fp16;
    case Dtype::bf16: return &machine.tensor.bf16;
    case Dtype::tf32: return &machine.tensor.tf32;
    case Dtype::fp8: return &machine.tensor.fp8;
    case Dtype::nvfp4: return &machine.tensor.nvfp4;
    case Dtype::fp32: return nullptr;
  }
  return nullptr;
}

double mean_error(const FittedRoofline& roofline, std::span<const RooflineRow> rows) {
  double sum = 0.0;
  for (const RooflineRow& row : rows) sum += std::abs(roofline.time(row.terms) / row.measured - 1.0);
  return sum / static_cast<double>(rows.size());
}

// The three constants as logarithms, so that all stay positive and steps are relative.
using Point = std::array<double, 3>;

FittedRoofline roofline_at(const Point& point) {
  return {Seconds(std::exp(point[0])), std::exp(point[1]), std::exp(point[2])};
}

// Compass search: a step along each axis in turn, halved when none helps.
Point descend(Point point, std::span<const RooflineRow> rows, double& error) {
  constexpr double smallest_step = 1e-3;
  for (double step = 0.5; step > smallest_step;) {
    bool better = false;
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      for (const double sign : {1.0, -1.0}) {
        Point next = point;
        next[axis] += sign * step;
        const double found = mean_error(roofline_at(next), rows);
        if (found >= error) continue;
        error = found;
        point = next;
        better = true;
      }
    }
    if (!better) step *= 0.5;
  }
  return point;
}

}  // namespace

RooflineTerm roofline_term(const Machine& machine, const Work& work) {
  RooflineTerm term;
  term.memory = std::visit(MinimalBytes{}, work) / machine.dram.bandwidth.value;
  const Constant<FlopsPerCycle>* peak = tensor_peak(machine, work);
  if (peak != nullptr && peak->present()) {
    const FlopsPerSecond rate = as_double(machine.sms.value) * (peak->value * machine.clock.datasheet.value);
    term.compute = flops_of(work) / rate;
  }
  return term;
}

std::vector<RooflineTerm> roofline_terms(const Machine& machine, const Block& block) {
  std::vector<RooflineTerm> terms;
  for (const BlockOperator& item : block.operators) terms.push_back(roofline_term(machine, item.op.work));
  return terms;
}

Seconds FittedRoofline::time(std::span<const RooflineTerm> terms) const {
  Seconds sum = start;
  for (const RooflineTerm& term : terms) sum += std::max(term.compute / compute_share, term.memory / memory_share);
  return sum;
}

FittedRoofline fit_roofline(std::span<const RooflineRow> rows) {
  if (rows.empty()) return {};
  Point best{};
  double least = std::numeric_limits<double>::infinity();
  for (const double start : {0.1e-6, 3e-6, 10e-6}) {
    for (const double compute : {0.3, 0.7}) {
      for (const double memory : {0.3, 0.8}) {
        const Point first{std::log(start), std::log(compute), std::log(memory)};
        double error = mean_error(roofline_at(first), rows);
        const Point found = descend(first, rows, error);
        if (error >= least) continue;
        least = error;
        best = found;
      }
    }
  }
  return roofline_at(best);
}

}  // namespace perfmodel
