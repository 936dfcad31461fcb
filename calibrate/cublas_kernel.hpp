// What the name of a cuBLAS kernel says about its tile:
//
//     nvjet_tst_128x256_64x4_2x1_v_bz_coopA_NTT
//               |       |  |  cluster: along the columns of the output, along its rows
//               |       |  stages
//               |       elements of k a stage
//               tile: columns of the output, rows (the library counts columns first)
#pragma once

#include <optional>
#include <string_view>

namespace perfmodel {

struct CublasKernel {
  int cta_m = 0;  // rows of the output, as we count them
  int cta_n = 0;
  int cta_k = 0;
  int stages = 0;
  int cluster_m = 1;
  int cluster_n = 1;
  bool split_k = false;  // partial sums, added by another kernel
};

// Nothing for a kernel of another family.
std::optional<CublasKernel> parse_cublas_kernel(std::string_view name);

// Into how many slices the kernel cuts k: it launches a CTA a tile and slice. 1 without split_k.
int split_k_factor(const CublasKernel& kernel, long long m, long long n, int ctas);

}  // namespace perfmodel
