// When an estimate should not be trusted without silicon.
#include "model/deferral.hpp"

#include <doctest/doctest.h>

#include "arch/load.hpp"
#include "model/predict.hpp"
#include "workloads/library.hpp"

namespace {

using namespace perfmodel;

Operator gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  Gemm work;
  work.m = m;
  work.n = n;
  work.k = k;
  Operator op;
  op.work = work;
  op.regime = Regime::cold;
  return op;
}

DeferReasons reasons(const Machine& machine, const Operator& op) {
  static const Library library = load_library();
  return defer_reasons(machine, op, predict(machine, library, op, {}));
}

TEST_CASE("a kind of row that the fit has seen often and met well is trusted") {
  Machine machine = load_machine("h100-sxm");
  const Operator op = gemm(4096, 4096, 4096);
  Estimate estimate = predict(machine, load_library(), op, {});
  machine.calibration.residuals = {{"gemm", "cold", std::string(limiter_name(estimate.limiter)), 50, -0.05, 0, 0.05}};
  CHECK(!defer_reasons(machine, op, estimate).any());
  estimate.lower = 0.8 * estimate.time;
  estimate.upper = 1.2 * estimate.time;
  CHECK(names_of(defer_reasons(machine, op, estimate)) == std::vector<std::string_view>{"wide_residuals"});
  machine.calibration.residuals.front().limiter = "xu";
  CHECK(defer_reasons(machine, op, estimate).has(DeferReason::no_residuals));
}

TEST_CASE("a machine without a fit defers everything") {
  const Machine machine = load_machine("h100-sxm", {.calibration = "", .overlay = false});
  CHECK(reasons(machine, gemm(4096, 4096, 4096)).has(DeferReason::no_residuals));
}

TEST_CASE("registers in local memory and kernels that only start up defer") {
  const Machine machine = load_machine("h100-sxm");
  Operator spilled = gemm(4096, 4096, 4096);
  std::get<Gemm>(spilled.work).spills = 40;
  CHECK(reasons(machine, spilled).has(DeferReason::spills));
  std::get<Gemm>(spilled.work).spills = 32;
  CHECK(!reasons(machine, spilled).has(DeferReason::spills));
  CHECK(reasons(machine, gemm(64, 64, 64)).has(DeferReason::latency));
  CHECK(!reasons(machine, gemm(8192, 8192, 8192)).has(DeferReason::latency));
}

TEST_CASE("dependent steps of attention's lone warps defer") {
  const Machine machine = load_machine("h100-sxm");
  Operator op;
  op.work = Attention{
      .batch = 1, .heads = 16, .kv_heads = 16, .seq_q = 4096, .seq_kv = 4096, .head_dim = 128, .head_dim_v = 128};
  Estimate estimate = predict(machine, load_library(), op, {});
  estimate.resident_warps = 4;
  estimate.limiter = Limiter::recurrence;
  CHECK(defer_reasons(machine, op, estimate).has(DeferReason::lone_warps));
  estimate.resident_warps = 8;  // two of a sub-partition take turns
  CHECK(!defer_reasons(machine, op, estimate).has(DeferReason::lone_warps));
  estimate.resident_warps = 4;
  CHECK(!defer_reasons(machine, gemm(64, 64, 64), estimate).has(DeferReason::lone_warps));
  estimate.limiter = Limiter::tensor;
  CHECK(!defer_reasons(machine, op, estimate).has(DeferReason::lone_warps));
}

TEST_CASE("a lone warp of a tile's program defers where it waits for each product") {
  const Machine machine = load_machine("h100-sxm");
  Operator op;
  Attention work{
      .batch = 1, .heads = 16, .kv_heads = 16, .seq_q = 4096, .seq_kv = 4096, .head_dim = 64, .head_dim_v = 64};
  work.impl = {Family::triton, {}};
  work.cta_m = 128;
  work.warps = 4;
  work.stages = 4;
  Estimate estimate;
  estimate.resident_warps = 4;
  estimate.limiter = Limiter::recurrence;
  // Of 128 keys a thread has 128 scores, half as many probabilities and 64 outputs, of 64 half as many scores.
  work.cta_n = 128;
  op.work = work;
  CHECK(defer_reasons(machine, op, estimate).has(DeferReason::lone_warps));
  work.cta_n = 64;
  op.work = work;
  CHECK(!defer_reasons(machine, op, estimate).has(DeferReason::lone_warps));
}

TEST_CASE("the estimate says how many warps an SM holds") {
  // 128 x 128 tiles of 8 warps and 128 registers: 32,768 registers and 96 KiB a CTA, two on an SM.
  Operator op = gemm(4096, 4096, 4096);
  auto& work = std::get<Gemm>(op.work);
  work.impl = {Family::triton, {}};
  work.tile = GemmTile{128, 128, 64};
  work.stages = 3;
  work.threads = 256;
  work.registers = 128;
  work.smem = Bytes(98304);
  CHECK(predict(load_machine("h100-sxm"), load_library(), op, {}).resident_warps == 16);
}

TEST_CASE("sets of reasons join") {
  DeferReasons one;
  DeferReasons other;
  one.add(DeferReason::spills);
  other.add(DeferReason::latency);
  one.add(other);
  CHECK(names_of(one) == std::vector<std::string_view>{"spills", "latency"});
  CHECK(DeferReasons::from_bits(one.bits()) == one);
}

}  // namespace
