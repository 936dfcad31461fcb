// Which of its kernels a GEMM library would take: the fastest of its menu by the model's own reckoning.
#pragma once

#include "model/gemm.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

// The menu of the library for that generation of tensor cores.
const LibraryMenu& menu_of(const Machine& machine, const Library& library);

// The configuration for a GEMM whose tile is not given. What the row does give (split_k, stages, ...) is kept.
GemmConfig chosen_config(const Machine& machine, const Library& library, const Gemm& gemm);

// All kernels of a GEMM with that configuration: the main one, and a reduction or memset where it needs one.
Plan gemm_plan(const Machine& machine, const Library& library, const Gemm& gemm, const GemmConfig& config,
               Regime regime);

}  // namespace perfmodel
