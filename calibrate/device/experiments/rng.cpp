#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {
namespace {

constexpr std::int64_t checked_elements = std::int64_t{1} << 22U;
constexpr int full_sm = 8;  // CTAs of 256 threads that an SM holds

std::int64_t power_of_two(unsigned exponent) { return std::int64_t{1} << exponent; }

// No table of a kernel whose mask is wrong.
void check_masks(Bench& bench) {
  for (const int rounds : {3, 5, 7, 10}) {
    for (const int bits : {8, 16, 32}) {
      bench.progress(fmt::format("RNG mask, {} rounds, {} bits: check", rounds, bits));
      const RngMask job{.elements = checked_elements, .rounds = rounds, .bits = bits, .ctas = full_sm * bench.sms()};
      check_rng_mask(job, bench.stream());
    }
  }
}

RngMask shape(std::int64_t elements, int rounds, int bits, int ctas, int threads = 256) {
  return {.elements = elements, .rounds = rounds, .bits = bits, .ctas = ctas, .threads = threads};
}

// One dimension at a time, about the full grid at 2^28 elements.
std::vector<RngMask> jobs(int sms) {
  std::vector<RngMask> all;
  for (const int rounds : {3, 5, 7, 10}) {
    for (const int bits : {8, 16, 32}) all.push_back(shape(power_of_two(28), rounds, bits, full_sm * sms));
  }
  for (const int rounds : {3, 7, 10}) {
    for (const unsigned exponent : {22U, 24U, 26U, 30U}) {
      all.push_back(shape(power_of_two(exponent), rounds, 8, full_sm * sms));
    }
  }
  for (const int ctas : {16, sms / 4, sms / 2, sms, 2 * sms, 4 * sms}) {
    for (const int rounds : {7, 10}) all.push_back(shape(power_of_two(26), rounds, 8, ctas));
  }
  all.push_back(shape(power_of_two(26), 7, 8, sms, 64));
  all.push_back(shape(power_of_two(26), 7, 8, sms, 128));
  all.push_back(shape(power_of_two(26), 7, 8, sms, 512));
  all.push_back(shape(power_of_two(26), 3, 16, 2 * sms, 128));
  all.push_back(shape(power_of_two(26), 10, 32, sms / 2, 256));
  all.push_back(shape(power_of_two(24), 5, 32, sms, 1024));
  return all;
}

// What the mask's rate depends on; perfmodel predict reads the same columns.
Cells inputs_of(const RngMask& job) {
  return {{"op", "rng"},
          {"elements", fmt::format("{}", job.elements)},
          {"rounds", fmt::format("{}", job.rounds)},
          {"bits", fmt::format("{}", job.bits)},
          {"ctas", fmt::format("{}", job.ctas)},
          {"threads", fmt::format("{}", job.threads)},
          {"registers", fmt::format("{}", rng_mask_resources(job).registers)},
          {"timer", "cupti"},
          {"regime", "cold"}};
}

void add_row(Bench& bench, TableSink& rows, const RngMask& job) {
  Cells cells = inputs_of(job);
  if (rows.has(cells)) return;
  bench.progress(fmt::format("RNG mask, {} elements, {} rounds, {} bits, {} CTAs of {}", job.elements, job.rounds,
                             job.bits, job.ctas, job.threads));
  const DeviceBuffer<std::uint32_t> mask(static_cast<std::size_t>(job.elements / 32));
  const std::vector<double> seconds = bench.time_kernels(
      rng_mask_launch(job, mask.data()), {.warmup = 2, .repeats = 6, .flush_l2 = true, .pause = Seconds(0.02)});
  // Before the card idles again.
  const double clock = bench.card().sm_clock.si();
  const auto [least, most] = std::ranges::minmax(seconds);
  cells.insert(cells.end(), {{"sm_mhz", fmt::format("{:.0f}", clock * 1e-6)},
                             {"min_us", fmt::format("{:.3f}", least * 1e6)},
                             {"max_us", fmt::format("{:.3f}", most * 1e6)},
                             {"measured_us", fmt::format("{:.3f}", summarise(seconds).median * 1e6)}});
  rows.add(cells);
}

}  // namespace

void measure_rng(Bench& bench, TableSink& rows) {
  check_masks(bench);
  for (const RngMask& job : jobs(bench.sms())) add_row(bench, rows, job);
}

}  // namespace perfmodel
