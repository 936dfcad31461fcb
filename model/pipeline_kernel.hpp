// From a pipeline program to the kernel that the chip model times: what lowering by simulation has in common, whatever
// the operator.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "model/kernel.hpp"
#include "model/lower.hpp"
#include "model/priced_program.hpp"
#include "model/sm_code.hpp"
#include "workloads/kernel_program.hpp"
#include "workloads/pipeline.hpp"

namespace perfmodel {

// Why the program cannot run here or does not do its operator's work: deadlock, overrun budgets, work left out. Empty
// if it can and does.
std::string unsuitable(const Machine& machine, const Pipeline& pipeline);

// The program priced at the clock behind the datasheet's peaks, an SM having its share of the L2.
std::shared_ptr<const SmCode> code_of(const Machine& machine, const Pipeline& pipeline, OpNames names = OpNames::kept);

// The same of a pipeline that was priced before with other numbers.
std::shared_ptr<const SmCode> code_again(const Machine& machine, EvaluatedPipeline& pipeline, PricedProgram& priced,
                                         OpNames names);

// The time of an item of a CTA that shares its SM with its like [cycles].
struct ItemTime {
  double item = 0;        // of one among others
  double alone = 0;       // of the first, with what fills the pipeline
  bool deadlock = false;  // it would never end
};

// Simulated, or for Fidelity::bound what the pipes and the dependence cycles allow.
ItemTime item_time(const SmCode& code, int ctas, Fidelity fidelity);

// What the SM and the chip hold of the program, and what its items ask for; the kernel has its number of items and no
// segments yet. An item of `typical` cycles.
void add_program(const Machine& machine, const Pipeline& pipeline, std::shared_ptr<const SmCode> code, double typical,
                 Kernel& kernel);

// A plan that says why it is none.
Plan refused_plan(std::string why);

}  // namespace perfmodel
