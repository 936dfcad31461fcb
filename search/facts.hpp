// What can be said of a design in numbers, for rules to look at: what it holds of an SM, how busy which pipe is, what
// its critical cycle consists of, what relaxing a constraint would buy, which limiters the suite's configurations have.
//
//     pipe_xu             share of an iteration that the pipe is busy
//     cycle_exp           share of the critical cycle spent in operations that do this duty, waiting included
//     cycle_load          the same for loads by the copy engine
//     gain_pipe_xu        what twice its rate would gain, as a share; of the three busiest pipes, 0 for the others
//     gain_latency        what hand-overs without latency would gain
//     gain_slot           what one more slot of the most useful ring would gain
//     interval, resource_bound, recurrence_bound     [clk]
//     bound_by_recurrence, bound_by_contention       1 or 0
//     registers_held, smem_held, tmem_held           of an SM, by all its CTAs [registers, bytes, columns]
//     registers_total, smem_total, smem_limit, tmem_total    of which there are; smem_limit is of a CTA
//     threads, cta_m, cta_n, cluster, ctas_per_sm, persistent, longest_first
//     local_accesses      thread instructions of an iteration that load or store a register in local memory
//     limited_by_wave     share of the configurations with this limiter, or it second within 5 %
//     causal              share of the configurations with a mask; kv_group: query heads a key head
#pragma once

#include <map>
#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "search/design.hpp"
#include "search/fitness.hpp"
#include "search/suite.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

using Facts = std::map<std::string, double, std::less<>>;

// Every name that facts_of may give. `slot` facts of rings are not among them.
const std::vector<std::string>& fact_names();

struct DesignFacts {
  Facts facts;                     // every one of fact_names, 0 where it does not apply
  Facts parameters;                // of the program, evaluated; of a kernel, its settings
  std::string refusal;             // why there are none but those of budgets
  std::vector<std::string> cycle;  // operations of the critical cycle, "exp0 922"
  std::string limiter;
};

// Of a design that a suite gave this fitness. `simulate`: with what only a simulation tells.
DesignFacts facts_of(const Machine& machine, const Suite& suite, const Design& design, const Fitness& fitness,
                     bool simulate = true);

// By how much the design overruns the budgets of an SM, as a share of the largest overrun; 0 where it fits.
double overrun(const Facts& facts);

}  // namespace perfmodel
