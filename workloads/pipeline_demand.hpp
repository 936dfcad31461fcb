// What an operator asks of one CTA's item, whatever program does it.
#pragma once

#include "workloads/pipeline.hpp"

namespace perfmodel {

// Values of the shape words that the demand depends on; those of other kinds of programs stay at zero.
struct PipelineShape {
  double head_dim = 0;
  double head_dim_v = 0;
  double element_bytes = 2;
  double output_bytes = 2;
  double full_iterations = 0;    // attention: tiles where every score counts
  double masked_iterations = 0;  // attention: tiles on the causal diagonal
  double dropout = 0;            // 1 where the kernel draws a mask
  double k_iterations = 0;       // GEMM
  double fixups = 0;             // GEMM: tiles of which another CTA does a part, handed over in FP32
  double words = 0;              // mask, and GEMM that makes one meanwhile: words of 32 decisions an item
};

// From the CTA tile alone. Operands that a cluster shares are loaded once for all its CTAs.
PipelineDemand demand_of(const Pipeline& pipeline, const PipelineShape& shape);

}  // namespace perfmodel
