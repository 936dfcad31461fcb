#include "calibrate/cublas_kernel.hpp"

#include <doctest/doctest.h>

namespace perfmodel {

TEST_CASE("the tile is in the kernel's name, columns of the output first") {
  const auto kernel = parse_cublas_kernel("nvjet_tst_128x256_64x4_2x1_v_bz_coopA_NTT");
  REQUIRE(kernel);
  CHECK(kernel->cta_m == 256);
  CHECK(kernel->cta_n == 128);
  CHECK(kernel->cta_k == 64);
  CHECK(kernel->stages == 4);
  CHECK(kernel->cluster_m == 1);
  CHECK(kernel->cluster_n == 2);
  CHECK_FALSE(kernel->split_k);
}

TEST_CASE("a name with the architecture in it, and one that cuts k") {
  const auto kernel = parse_cublas_kernel("nvjet_sm90_tst_64x8_64x16_4x1_v_bz_splitK_TNT");
  REQUIRE(kernel);
  CHECK(kernel->cta_m == 8);
  CHECK(kernel->cta_n == 64);
  CHECK(kernel->split_k);
  // 8 rows and 640 columns are ten tiles; 96 CTAs are nine slices of some and ten of others.
  CHECK(split_k_factor(*kernel, 8, 640, 96) == 10);
}

TEST_CASE("a kernel of another family has no tile") {
  CHECK_FALSE(parse_cublas_kernel("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_cublas"));
  CHECK_FALSE(parse_cublas_kernel("nvjet_tst"));
  CHECK_FALSE(parse_cublas_kernel(""));
}

TEST_CASE("without split k there is one slice") {
  CHECK(split_k_factor({.cta_m = 128, .cta_n = 128}, 4096, 4096, 132) == 1);
}

}  // namespace perfmodel
