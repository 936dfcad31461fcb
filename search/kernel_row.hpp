// A configuration with a candidate's kernel columns filled in: the operator that the model predicts.
#pragma once

#include <string>

#include "search/candidate.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct KernelRow {
  Operator op;
  std::string refusal;  // a column that this op has not, a value that no kernel has; empty for a sound row
};

KernelRow kernel_row(const Operator& configuration, const KernelColumns& columns);

}  // namespace perfmodel
