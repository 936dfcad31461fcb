#include <cmath>

#include "model/lower.hpp"
#include "model/pricing.hpp"

namespace perfmodel {

// A grid-stride kernel of many small CTAs; the SMs are never what limits it.
Plan lower_memory_bound(const Machine& machine, const MemoryBound& work, const LowerOptions& options) {
  Kernel kernel;
  kernel.program.warps = 8;
  kernel.program.registers = 32;
  const double per_cta = 256.0 * 16.0;
  kernel.items = std::max(1.0, std::ceil((work.read + work.written).si() / per_cta));
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  Segment loop;
  loop.count = 1;
  // Address, bounds check, load and store of 16 bytes a thread: about ten instructions.
  loop.busy[Resource::issue] = 256.0 * 10.0 / pipe_rate(machine, Resource::issue);
  kernel.program.add(loop);
  kernel.input = work.read;
  kernel.output = work.written;
  kernel.l2_read = work.read;
  kernel.l2_written = work.written;
  // The rates of DRAM were measured through the L2.
  kernel.l2_inside = true;
  kernel.latency = work.read.si() > 0 ? machine.dram.latency.value : Seconds(0);
  Plan plan;
  plan.add(kernel);
  if (options.describe) {
    plan.description = "grid-stride, 256 threads";
  }
  return plan;
}

}  // namespace perfmodel
