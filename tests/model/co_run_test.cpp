#include "model/co_run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/table.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::h100;
using test::library;

// The Triton GEMM of overlap.csv with two CTAs an SM.
Operator triton(std::int64_t size, Dtype dtype = Dtype::bf16) {
  Operator op = test::gemm(size, size, size, dtype);
  auto& work = std::get<Gemm>(op.work);
  work.impl.family = Family::triton;
  work.tile = GemmTile{128, 128, dtype == Dtype::fp8 ? 128 : 64};
  work.stages = 3;
  work.threads = 128;
  work.registers = 154;
  work.smem = Bytes(98328);
  return op;
}

Operator mask(std::int64_t elements, int rounds, int ctas, int threads) {
  Operator op = test::rng(elements, rounds, 8);
  auto& work = std::get<Rng>(op.work);
  work.ctas = ctas;
  work.threads = threads;
  work.registers = 29;
  return op;
}

Seconds alone(const Operator& op) { return predict(h100(), library(), op, {}).time; }

CoRunEstimate run(const Operator& first, const Operator& second, const CoRunOptions& options = {}) {
  return co_run(h100(), library(), first, second, options, {});
}

constexpr std::int64_t elements = std::int64_t{1} << 30;

TEST_CASE("one warp a sub-partition hides most of the mask under a GEMM that leaves room") {
  const Operator rng = mask(elements, 7, 132, 128);
  const Operator gemm = triton(4096);
  const CoRunEstimate both = run(rng, gemm);
  CHECK(both.apart == "");
  CHECK(both.course.met);
  CHECK(both.course.time < 0.9 * both.sequence);
  CHECK(both.course.time > std::max(alone(rng), alone(gemm)));
  // overlap.csv: this GEMM slowed 1.06 to 1.16 times, the mask 2.0 to 2.2 times, clock and all.
  CHECK(both.course.part[1].slowdown > 1.03);
  CHECK(both.course.part[1].slowdown < 1.25);
  CHECK(both.course.part[0].slowdown > 1.7);
}

TEST_CASE("a GEMM slows the mask beside it to less than a half, as silicon does: 2.0 to 2.2 times") {
  const double slowdown = run(mask(elements, 7, 132, 128), triton(4096)).course.part[0].slowdown;
  CHECK(slowdown > 1.9);
  CHECK(slowdown < 2.4);
}

TEST_CASE("two warps a sub-partition of few rounds stop the GEMM, of more rounds they do not") {
  const CoRunEstimate stopped = run(mask(elements, 3, 132, 256), triton(4096));
  CHECK(std::isinf(stopped.course.part[1].slowdown));
  CHECK(stopped.course.time.si() == Approx(stopped.sequence.si()).epsilon(0.03));
  const CoRunEstimate slowed = run(mask(elements, 7, 132, 256), triton(4096));
  CHECK(std::isfinite(slowed.course.part[1].slowdown));
  CHECK(slowed.course.time < 0.95 * slowed.sequence);
}

TEST_CASE("what finds no room waits: the default carve-out, and 384 threads of 168 registers") {
  const Operator rng = mask(elements, 7, 132, 128);
  const CoRunEstimate kept = run(rng, triton(4096), {.carveout = Carveout::standard});
  CHECK(kept.apart == "shared memory: a CTA needs 97.1 KiB with the system's share, 1.00 KiB are left");
  CHECK_FALSE(kept.course.met);
  CHECK(kept.course.time.si() == Approx(kept.sequence.si()).epsilon(0.01));
  CHECK(kept.course.part[1].start.si() == Approx(kept.course.part[0].end.si()));

  const Operator wide = test::tiled(test::gemm(4096, 4096, 4096), 128, 256, 64, 4, 1, 132);
  const CoRunEstimate full = run(rng, wide);
  CHECK(full.apart == "registers of a sub-partition: a warp needs 5376, the freest has 15360");
  CHECK(full.course.time.si() == Approx(full.sequence.si()).epsilon(0.01));
}

TEST_CASE("behind a persistent GEMM without room the grid piles up on the SMs that end first") {
  // 256 tiles on 132 SMs: 128 of them... all SMs of the model end together; the mask's CTAs wait for the first one.
  const Operator wide = test::tiled(test::gemm(4096, 4096, 4096), 128, 256, 64, 4, 1, 132);
  const Operator rng = mask(std::int64_t{1} << 27, 3, 132, 128);
  const CoRunEstimate late = run(wide, rng, {.delay = Seconds(30e-6)});
  // H200: 48 us alone, 665 us after such a GEMM; 16 CTAs of 128 threads have room on an SM.
  const Seconds piled = late.course.part[1].end - late.course.part[1].start;
  CHECK(piled > 10.0 * alone(rng));
  CHECK(piled < 16.0 * alone(rng));
}

TEST_CASE("a kernel of one stream follows the other of that stream") {
  const Operator rng = mask(elements, 7, 132, 128);
  const Prepared random = prepare(h100(), library(), rng, Regime::cold, {});
  const Prepared gemm = prepare(h100(), library(), triton(2048), Regime::cold, {});
  const std::vector<const Prepared*> first{&random};
  const std::vector<const Prepared*> twice{&gemm, &gemm};
  const std::vector<const Prepared*> once{&gemm};
  const Hertz clock = h100().clock.datasheet.value;
  const CoRunCourse one = CoRun(h100(), first, once, {}).at(clock, clock);
  const CoRunCourse two = CoRun(h100(), first, twice, {}).at(clock, clock);
  CHECK(two.part[1].alone.si() == Approx(2 * one.part[1].alone.si()));
  CHECK(two.part[1].end.si() ==
        Approx(one.part[1].end.si() + one.part[1].end.si() - one.part[1].start.si()).epsilon(0.02));
  CHECK(two.part[0].end > one.part[0].end);  // it has company for longer
}

TEST_CASE("a partition gives each kernel its SMs, and nobody waits for a turn") {
  const Operator rng = mask(elements, 7, 528, 256);
  const Operator gemm = triton(4096);
  CoRunOptions options{.placement = Placement::partition, .first_sms = 32};
  const CoRunEstimate split = run(rng, gemm, options);
  CHECK_FALSE(split.course.met);
  // A hundred of 132 SMs.
  CHECK(split.course.part[1].end.si() > 1.2 * alone(gemm).si());
  CHECK(split.course.part[1].end.si() < 1.4 * alone(gemm).si());
  options.first_sms = 16;
  CHECK(run(rng, gemm, options).course.part[1].end < split.course.part[1].end);
  options.first_sms = 132;
  CHECK(run(rng, gemm, options).refusal ==
        "a partition of 132 SMs for one kernel: expected 1 to 131, so that both have some");
}

TEST_CASE("extra warps inside the CTAs of a GEMM") {
  Operator gemm = test::tiled(test::gemm(4096, 4096, 4096), 128, 128, 64, 4, 1, 132);
  std::get<Gemm>(gemm.work).threads = 288;
  std::get<Gemm>(gemm.work).registers = 120;
  const Operator rng = mask(std::int64_t{1} << 28, 10, 132, 128);
  const CoRunOptions inside{.placement = Placement::inside};
  const CoRunEstimate four = co_run(h100(), library(), rng, gemm, inside, {}, 4);
  const CoRunEstimate two = co_run(h100(), library(), rng, gemm, inside, {}, 2);
  const CoRunEstimate one = co_run(h100(), library(), rng, gemm, inside, {}, 1);
  CHECK(four.course.met);
  CHECK(two.course.time > four.course.time);
  CHECK(one.course.time > 1.5 * two.course.time);  // rng_in_gemm.csv: 686, 421 and 299 us
  // 24 warps more and the registers do not suffice.
  CHECK(co_run(h100(), library(), rng, gemm, inside, {}, 24).refusal ==
        "a CTA of 24 warps with 120 registers a thread needs 23040 registers of a sub-partition, it has 16384");
  CHECK(co_run(h100(), library(), gemm, rng, inside, {}).refusal ==
        "only a mask RNG runs as extra warps inside another kernel");
}

// Extra warps of rng_in_gemm.csv: a mask inside own persistent GEMMs of 128 x 128 and 128 x 256, which no fit saw.
double inside_error(const std::string& machine) {
  const Machine gpu = load_machine(machine);
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/" + machine + "/calibration/rng_in_gemm.csv");
  Diagnostics faults;
  double sum = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto whole = [&](std::string_view column) {
      return static_cast<int>(table.number(row, *table.column(column), faults).value_or(0.0));
    };
    Operator gemm = test::gemm(whole("m"), whole("n"), whole("k"), whole("cta_k") == 128 ? Dtype::fp8 : Dtype::bf16);
    auto& work = std::get<Gemm>(gemm.work);
    work.tile = GemmTile{whole("cta_m"), whole("cta_n"), whole("cta_k")};
    work.stages = whole("stages");
    work.cluster = work.split_k = 1;
    work.threads = whole("threads") - 32 * whole("rng_warps");
    work.registers = whole("registers");
    const Operator rng = test::rng(whole("rng_elements"), whole("rng_rounds"), whole("rng_bits"));
    const CoRunEstimate both =
        co_run(gpu, library(), rng, gemm, {.placement = Placement::inside}, {}, whole("rng_warps"));
    const double measured = table.number(row, *table.column("measured_us"), faults).value_or(0.0);
    sum += std::abs(both.course.time.si() * 1e6 / measured - 1);
  }
  return sum / static_cast<double>(table.rows());
}

TEST_CASE("masks made inside GEMMs take what they took on silicon") {
  CHECK(inside_error("h100-sxm") < 0.06);
  CHECK(inside_error("h200") < 0.06);
}

TEST_CASE("beside attention the mask costs more than beside a GEMM: both live on the same issue slots") {
  const Operator rng = mask(elements, 7, 132, 128);
  const Operator attention = test::attention(1, 32, 4096, true, 0.0, Family::flash2);
  const CoRunEstimate both = run(rng, attention);
  REQUIRE(both.feasible());
  CHECK(both.course.time <= 1.02 * both.sequence);
  CHECK(both.course.time >= std::max(alone(rng), alone(attention)));
  if (both.course.met) {
    CHECK(both.course.part[1].slowdown > 1.0);
  }
}

TEST_CASE("a GEMM beside attention shares the tensor cores") {
  const CoRunEstimate both = run(triton(2048), test::attention(1, 32, 2048, true, 0.0, Family::flash2));
  REQUIRE(both.feasible());
  CHECK(both.course.time <= 1.05 * both.sequence);
}

TEST_CASE("the event simulation alone gives the time of the closed form") {
  // The second stream so late that the two never meet.
  for (const Operator& op : {triton(4096), triton(1024), mask(elements, 10, 66, 256), mask(elements, 3, 1056, 256),
                             test::gemm(4096, 4096, 4096), test::attention(1, 32, 4096, true)}) {
    const Operator other = mask(1 << 20, 7, 132, 128);
    const CoRunEstimate apart = run(op, other, {.delay = Seconds(1.0)});
    const Hertz top = h100().clock.maximum.value;
    CAPTURE(op.work.index());
    CHECK(apart.course.part[0].end.si() == Approx(apart.course.part[0].alone.si()).epsilon(1e-6));
    CHECK(apart.course.light <= apart.course.time);
    CHECK(apart.clock <= top);
  }
}

TEST_CASE("more work takes longer, whatever the grid") {
  const Operator gemm = triton(2048);
  for (const int ctas : {33, 132, 264, 528, 1056}) {
    for (const int threads : {32, 64, 128, 256}) {
      Seconds before;
      for (const std::int64_t size : {elements / 64, elements / 8, elements}) {
        const CoRunEstimate both = run(mask(size, 7, ctas, threads), gemm);
        CAPTURE(ctas);
        CAPTURE(threads);
        REQUIRE(both.feasible());
        CHECK(both.course.time > before);
        CHECK(both.course.time >= alone(gemm));
        before = both.course.time;
      }
    }
  }
}

TEST_CASE("what cannot run is refused with its reason") {
  CHECK(run(mask(elements, 7, 132, 2048), triton(4096)).refusal ==
        "a CTA needs 2048 threads, 1024 are the most a CTA can have");
  CHECK(run(mask(elements, 7, 132, 128), triton(4096, Dtype::nvfp4)).refusal ==
        "NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores");
  const std::vector<const Prepared*> none;
  CHECK(CoRun(h100(), none, none, {}).refusal() == "a stream without an operator");
}

TEST_CASE("under the power limit a steady pair has one clock") {
  Operator rng = test::in_regime(mask(elements, 7, 132, 128), Regime::sustained);
  Operator gemm = test::in_regime(triton(8192), Regime::sustained);
  const CoRunEstimate both = run(rng, gemm);
  CHECK(both.clock_limit == ClockLimit::power);
  CHECK(both.clock < h100().clock.datasheet.value);
  CHECK(both.power.si() == Approx((h100().power.held.value * h100().power.limit.value).si()).epsilon(0.01));
}

}  // namespace
}  // namespace perfmodel
