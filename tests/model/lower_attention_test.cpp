// Attention by the closed forms: what its iterations hold and ask for, by hand.
#include <doctest/doctest.h>

#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

Kernel main_kernel(const Operator& op) {
  return lower_attention(test::h100(), test::library(), std::get<Attention>(op.work), LowerOptions{}).kernels.front();
}

double smem_bytes(const Segment& iteration) {
  return iteration.aside[Resource::smem] * pipe_rate(test::h100(), Resource::smem);
}

TEST_CASE("requests for keys merge while tiles of a head run in step") {
  // One head of 1024: eight tiles of queries, each over eight of keys; 36 of the 64 with causality.
  const double queries = 1024 * 128 * 2;
  const double keys = 128 * (128 + 128) * 2;
  CHECK(main_kernel(test::attention(1, 1, 1024, false)).l2_read.si() == Approx(queries + 0.47 * 64 * keys));
  CHECK(main_kernel(test::attention(1, 1, 1024, false, 0.1)).l2_read.si() == Approx(queries + 0.63 * 64 * keys));
  CHECK(main_kernel(test::attention(1, 1, 1024, true)).l2_read.si() == Approx(queries + 36 * keys));
  // A lone tile of a head has nobody to share with.
  CHECK(main_kernel(test::attention(1, 1, 128, false)).l2_read.si() == Approx(queries / 8 + keys));
}

TEST_CASE("warps of mma.sync load operands for themselves") {
  // Forward, 128 x 64, four warps of 32 rows: queries once, keys and values four times, and both copied in once.
  const Kernel forward = main_kernel(test::attention(4, 32, 1024, false, 0.0, Family::flash2));
  CHECK(smem_bytes(forward.program.segments[0]) == Approx(2 * (128 * 128 + 4 * 64 * 256 + 64 * 256)));
  // Backward, 64 x 128, eight warps as two by four or four by two.
  const Kernel backward = main_kernel(test::attention(4, 32, 1024, false, 0.0, Family::flash2, Pass::bwd));
  const double scores = 2 * (4 * 64 + 2 * 128) * 128;  // the scores and the gradients of the probabilities
  const double keys = 2 * (2 * 128 + 4 * 128) * 64;    // gradients of keys and of values
  const double queries = (4 * 64 + 2 * 128) * 128;     // gradients of queries
  CHECK(smem_bytes(backward.program.segments[0]) == Approx(2 * (scores + keys + queries + 64 * 256 + 2 * 64 * 128)));
}

TEST_CASE("numbers drawn inside take turns with wgmma, a mask that is read does not") {
  const double hidden = test::h100().find_code("cudnn_fwd")->serial.value;
  Operator masked = test::attention(1, 1, 1024, false, 0.1);
  std::get<Attention>(masked.work).dropout_source = DropoutSource::mask;
  CHECK(main_kernel(test::attention(1, 1, 1024, false)).program.segments[0].serial == hidden);
  CHECK(main_kernel(masked).program.segments[0].serial == hidden);
  CHECK(main_kernel(test::attention(1, 1, 1024, false, 0.1)).program.segments[0].serial == 1.0);
}

TEST_CASE("counted instructions take the energy of their class") {
  const Machine& machine = test::h100();
  // 8 pJ an FFMA, 10.6 a LOP3, 17.6 an EX2, 32.6 an IMAD.WIDE, 9.3 any other.
  CHECK(energy_weight(machine, {.alu = 2, .fma = 3, .xu = 1, .all = 7, .wide = 1}) ==
        Approx((2 * 10.6 + 2 * 8.0 + 32.6 + 17.6 + 9.3) / 9.3));
}

}  // namespace
}  // namespace perfmodel
