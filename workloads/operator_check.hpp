// Rules that an operator has to keep whatever it was read from: sizes and their products fit in 64 bits, heads share
// out evenly. A field has the name of its table column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workloads/operator.hpp"

namespace perfmodel {

struct OperatorFault {
  std::string_view field;  // the one to point at
  std::string message;     // lower case, no period
};

// Every rule that is broken; empty for a sound operator. Sizes of 0 count as "not read" and break nothing here.
std::vector<OperatorFault> faults_of(const Gemm& gemm);
std::vector<OperatorFault> faults_of(const Attention& attention);
std::vector<OperatorFault> faults_of(const Rng& rng);
std::vector<OperatorFault> faults_of(const Overlap& overlap);

// What a GEMM writes when nothing says otherwise: 16-bit types their own, tf32 and fp32 fp32, narrower ones bf16.
Dtype default_out_dtype(Dtype dtype);

}  // namespace perfmodel
