#include "report/levers.hpp"

#include <optional>

#include "arch/fields.hpp"

namespace perfmodel {

const std::vector<Lever>& levers() {
  static const std::vector<Lever> all{
      {Limiter::tensor,
       2.0,
       {"tensor.fp16", "tensor.bf16", "tensor.tf32", "tensor.fp8", "tensor.nvfp4"},
       "twice the tensor rate (tensor.*)"},
      {Limiter::fma, 2.0, {"pipes.fma.rate", "pipes.fma_heavy.rate"}, "twice the FMA rate (pipes.fma.rate)"},
      {Limiter::alu, 2.0, {"pipes.alu.rate"}, "twice the ALU rate (pipes.alu.rate)"},
      {Limiter::xu, 2.0, {"pipes.xu.rate"}, "twice the special-function rate (pipes.xu.rate)"},
      {Limiter::issue, 2.0, {"pipes.issue.rate"}, "twice the issue rate (pipes.issue.rate)"},
      {Limiter::smem, 2.0, {"pipes.smem.rate"}, "twice the shared-memory rate (pipes.smem.rate)"},
      {Limiter::tmem,
       2.0,
       {"pipes.tmem_read.rate", "pipes.tmem_write.rate"},
       "twice the tensor-memory rate (pipes.tmem_*.rate)"},
      {Limiter::l2, 2.0, {"l2.bandwidth"}, "twice the L2 bandwidth (l2.bandwidth)"},
      {Limiter::dram, 2.0, {"dram.bandwidth"}, "twice the DRAM bandwidth (dram.bandwidth)"},
      {Limiter::power, 2.0, {"power.limit"}, "twice the power limit (power.limit)"},
      {Limiter::recurrence,
       0.5,
       {"tensor.latency", "transfer.barrier_wait", "shared_memory.latency"},
       "half the pipeline latencies (tensor.latency, transfer.barrier_wait)"},
      {Limiter::fill,
       0.5,
       {"l2.near_latency", "l2.far_latency", "dram.latency"},
       "half the memory latencies (l2.*_latency, dram.latency)"},
      {Limiter::launch,
       0.5,
       {"launch.kernel", "launch.stream", "launch.graph", "launch.event", "launch.do_bench"},
       "half the launch cost (launch.*)"},
  };
  return all;
}

bool pull(Machine& machine, const Lever& lever) {
  bool pulled = false;
  for (const std::string_view key : lever.keys) {
    std::optional<NamedConstant> constant = find_constant(machine, key);
    if (!constant || !constant->constant.present()) continue;
    constant->constant.set(lever.factor * constant->constant.get());
    pulled = true;
  }
  return pulled;
}

}  // namespace perfmodel
