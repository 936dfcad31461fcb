#include "model/residency.hpp"

#include <doctest/doctest.h>

#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using test::h100;

Program program(int warps, int registers, Bytes smem) {
  Program result;
  result.warps = warps;
  result.registers = registers;
  result.smem = smem;
  return result;
}

TEST_CASE("registers are banked by sub-partition and rounded up to whole allocation units") {
  // 168 x 32 = 5376 registers a warp, three of them in a sub-partition's 16384: twelve warps an SM, one CTA.
  CHECK(residency(h100(), program(12, 168, Bytes(0))).ctas == 1);
  // 255 rounds up to 8192 a warp: two a sub-partition, eight an SM, two CTAs of four.
  CHECK(residency(h100(), program(4, 255, Bytes(0))).ctas == 2);
  // A single warp a CTA: 16 slots of 1024 registers a sub-partition, 64 warps, but 32 CTA slots.
  CHECK(residency(h100(), program(1, 32, Bytes(0))).ctas == 32);
}

TEST_CASE("shared memory carries the system's reserve") {
  // 228 KiB: two CTAs of 113 KiB and 1 KiB reserve each fit exactly, two of 113.5 KiB do not.
  CHECK(residency(h100(), program(4, 64, Bytes(113 * 1024))).ctas == 2);
  CHECK(residency(h100(), program(4, 64, Bytes(113 * 1024 + 512))).ctas == 1);
  CHECK(residency(h100(), program(4, 64, Bytes(227 * 1024))).ctas == 1);
}

TEST_CASE("warp and thread slots count") {
  CHECK(residency(h100(), program(16, 32, Bytes(0))).ctas == 4);
  CHECK(residency(h100(), program(24, 32, Bytes(0))).ctas == 2);
}

TEST_CASE("a kernel that does not fit says what it needs and what there is") {
  CHECK(residency(h100(), program(4, 256, Bytes(0))).refusal ==
        "a thread needs 256 registers, 255 are the most a thread can have");
  CHECK(residency(h100(), program(33, 32, Bytes(0))).refusal ==
        "a CTA needs 1056 threads, 1024 are the most a CTA can have");
  CHECK(residency(h100(), program(4, 64, Bytes(228 * 1024))).refusal ==
        "a CTA needs 228 KiB of shared memory, 227 KiB are the most a CTA can have");
  CHECK(residency(h100(), program(32, 72, Bytes(0))).refusal ==
        "a CTA of 32 warps with 72 registers a thread needs 18432 registers of a sub-partition, it has 16384");
  Program clustered = program(4, 64, Bytes(0));
  clustered.cluster = 32;
  CHECK(residency(h100(), clustered).refusal == "clusters of 32 CTAs, 16 are the most a cluster can have");
  CHECK(residency(load_machine("a100-sxm"), clustered).refusal ==
        "clusters of 32 CTAs, and NVIDIA A100 SXM4 80GB has no clusters");
}

}  // namespace
}  // namespace perfmodel
