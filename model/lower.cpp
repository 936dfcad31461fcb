#include "model/lower.hpp"

#include <fmt/core.h>

#include <utility>

#include "model/lower_pipeline.hpp"

namespace perfmodel {

FlopsPerCycle tensor_rate(const Machine& machine, Dtype dtype) {
  const Tensor& tensor = machine.tensor;
  switch (dtype) {
    case Dtype::fp16: return tensor.fp16.value;
    case Dtype::bf16: return tensor.bf16.value;
    case Dtype::tf32: return tensor.tf32.value;
    case Dtype::fp8: return tensor.fp8.value;
    case Dtype::nvfp4: return tensor.nvfp4.value;
    case Dtype::fp32: return FlopsPerCycle(0);
  }
  return FlopsPerCycle(0);
}

Plan lower(const Machine& machine, const Library& library, const Operator& op, const LowerOptions& options) {
  struct Visitor {
    const Machine& machine;
    const Library& library;
    const LowerOptions& options;

    Plan operator()(const Gemm& gemm) const {
      if (options.fidelity != Fidelity::bound) {
        if (auto plan = lower_gemm_pipeline(machine, library, gemm, options)) return *std::move(plan);
      }
      return lower_gemm(machine, library, gemm, options);
    }
    Plan operator()(const Attention& attention) const {
      if (options.fidelity != Fidelity::bound) {
        if (auto plan = lower_attention_pipeline(machine, library, attention, options)) return *std::move(plan);
      }
      return lower_attention(machine, library, attention, options);
    }
    Plan operator()(const Rng& rng) const {
      if (options.fidelity != Fidelity::bound) {
        if (auto plan = lower_mask_pipeline(machine, library, rng, options)) return *std::move(plan);
      }
      return lower_rng(machine, library, rng, options);
    }
    Plan operator()(const MemoryBound& work) const { return lower_memory_bound(machine, work, options); }
    Plan operator()(const Overlap&) const { return refused("an overlap is put together from two plans"); }
    Plan operator()(const BlockRow&) const { return refused("a block row has to be expanded into its operators"); }

    static Plan refused(std::string why) {
      Plan plan;
      plan.refusal = std::move(why);
      return plan;
    }
  };
  if (op.program) return lower_program(machine, library, op, options);
  return std::visit(Visitor{machine, library, options}, op.work);
}

}  // namespace perfmodel
