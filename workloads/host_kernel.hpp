// GEMM kernels with room for other CTAs on their SMs, as data (workloads/hosts/gemm.yaml).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workloads/operator.hpp"

namespace perfmodel {

struct HostKernel {
  std::string name;    // for people
  std::string tensor;  // "wgmma", "tcgen05": where it runs
  Gemm kernel;         // impl, tile, stages, threads, ...; no sizes and no types
};

// Throws InputError.
std::vector<HostKernel> load_host_kernels();
std::vector<HostKernel> host_kernels_from_text(std::string text, std::string_view name);

// That GEMM by that kernel.
Gemm run_by(const Gemm& gemm, const HostKernel& host);

}  // namespace perfmodel
