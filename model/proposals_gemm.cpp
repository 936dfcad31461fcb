#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/library_choice.hpp"
#include "model/predict.hpp"
#include "model/proposals.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {

namespace {

std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

double element_bytes(Dtype dtype) { return bytes_of(dtype, 16).si() / 16; }

// One kernel's neighbours. A compiled kernel's registers, shared memory and spills are its own: another tile has
// others.
class GemmProposals {
 public:
  GemmProposals(const Situation& now, std::vector<Proposal>& out) : now_(now), out_(out) {
    Operator chosen = now.op;
    choose_kernels(now.machine, now.library, chosen);
    kernel_ = std::get<Gemm>(chosen.work);
  }

  void all() {
    padding();
    spread();
    // What the library chooses, it has chosen as the fastest.
    if (!given().tile && given().impl.family == Family::cublas) return;
    tiles();
    stages();
    warps();
    splits();
  }

 private:
  [[nodiscard]] const Gemm& given() const { return std::get<Gemm>(now_.op.work); }
  [[nodiscard]] GemmTile tile() const {
    return kernel_.tile.value_or(GemmTile{128, 128, natural_cta_k(kernel_.dtype)});
  }

  void add(std::string symptom, std::string change, Gemm gemm, std::vector<Edit> edits) {
    Operator op = now_.op;
    op.work = std::move(gemm);
    out_.push_back({std::move(symptom), std::move(change), std::move(edits), std::move(op)});
  }

  // Rows of k and of n that do not start on a sector or a line make the L2 move more.
  void padding() {
    pad("k", given().k, element_bytes(given().dtype), 32, &Gemm::k);
    pad("n", given().n, element_bytes(given().out_dtype), now_.machine.l2.line.value.si(), &Gemm::n);
  }

  void pad(std::string_view key, std::int64_t size, double bytes, double unit, std::int64_t Gemm::*side) {
    if (std::fmod(static_cast<double>(size) * bytes, unit) == 0) return;
    const std::int64_t padded = round_up(size, std::llround(unit / bytes));
    Gemm gemm = given();
    gemm.*side = padded;
    add(fmt::format("rows of {} = {} are {:.0f} B, no multiple of {:.0f}", key, size, static_cast<double>(size) * bytes,
                    unit),
        fmt::format("pad {} to {}", key, padded), gemm, {{std::string(key), std::to_string(padded)}});
  }

  static Gemm recompiled(Gemm gemm) {
    gemm.registers.reset();
    gemm.smem.reset();
    gemm.spills.reset();
    gemm.ctas.reset();
    return gemm;
  }

  void tiles() {
    for (const auto& [m, n] : {std::pair{0.5, 1.0}, {1.0, 0.5}, {2.0, 1.0}, {1.0, 2.0}, {0.5, 2.0}, {2.0, 0.5}}) {
      add_tile(static_cast<int>(tile().cta_m * m), static_cast<int>(tile().cta_n * n));
    }
    // Triton's sides are powers of two.
    if (given().impl.family == Family::triton) return;
    for (const int n : {tile().cta_n * 3 / 4, tile().cta_n * 5 / 4, tile().cta_n * 3 / 2}) {
      add_tile(tile().cta_m, n / 16 * 16);
    }
  }

  // A partial wave disappears where every CTA has the same share of all iterations.
  void spread() {
    const std::string symptom = wave_symptom(now_);
    const bool wide = tile().cta_m >= 128 && tile().cta_m <= 256 && tile().cta_n >= 16 && tile().cta_n <= 256;
    const CourseKernel& kernel = now_.main();
    // What the tail costs has to be more than a simulation errs by.
    constexpr double least_tail = 0.15;
    const bool uneven = kernel.busiest.si() > 0 && kernel.even / kernel.busiest < 1 - least_tail;
    if (symptom.empty() || !uneven || !wide || now_.machine.tensor.generation != TensorGeneration::wgmma) return;
    const PipelineFile* file = now_.library.pipelines->named("gemm_wgmma_stream_k");
    Operator op = now_.op;
    op.work = without_kernel(given());
    op.program = std::make_shared<const KernelProgram>(
        std::shared_ptr<const PipelineFile>(std::shared_ptr<void>(), file),
        std::vector<ProgramSetting>{{"cta_m", double(tile().cta_m)}, {"cta_n", double(tile().cta_n)}});
    out_.push_back({symptom,
                    fmt::format("stream-K with tiles of {} x {}", tile().cta_m, tile().cta_n),
                    {{"program", "gemm_wgmma_stream_k"},
                     {"with.cta_m", std::to_string(tile().cta_m)},
                     {"with.cta_n", std::to_string(tile().cta_n)}},
                    std::move(op)});
  }

  // Nothing said of the compiled kernel.
  static Gemm without_kernel(Gemm gemm) {
    gemm = recompiled(std::move(gemm));
    gemm.tile.reset();
    gemm.stages.reset();
    gemm.cluster.reset();
    gemm.split_k.reset();
    gemm.threads.reset();
    gemm.warps.reset();
    return gemm;
  }

  void add_tile(int cta_m, int cta_n) {
    if (std::min(cta_m, cta_n) < 16 || std::max(cta_m, cta_n) > 256 || cta_m * cta_n > 256 * 256) return;
    Gemm gemm = recompiled(given());
    gemm.tile = GemmTile{cta_m, cta_n, tile().cta_k};
    std::string symptom = tile_symptom(cta_m, cta_n);
    if (symptom.empty()) symptom = wave_symptom(now_);
    if (symptom.empty()) symptom = limiter_symptom(now_.found);
    add(std::move(symptom), fmt::format("tiles of {} x {}", cta_m, cta_n), gemm,
        {{"cta_m", std::to_string(cta_m)}, {"cta_n", std::to_string(cta_n)}});
  }

  // Rows or columns that a tile computes beyond the output.
  [[nodiscard]] std::string tile_symptom(int cta_m, int cta_n) const {
    const auto wasted = [](std::int64_t size, int side) {
      const std::int64_t covered = round_up(size, side);
      return static_cast<double>(covered - size) / static_cast<double>(covered);
    };
    const double rows = wasted(given().m, tile().cta_m);
    const double columns = wasted(given().n, tile().cta_n);
    if (rows >= 0.02 && wasted(given().m, cta_m) < rows) {
      return fmt::format("m = {} is no multiple of {}: {:.0f} % of the rows computed are padding", given().m,
                         tile().cta_m, 100 * rows);
    }
    if (columns >= 0.02 && wasted(given().n, cta_n) < columns) {
      return fmt::format("n = {} is no multiple of {}: {:.0f} % of the columns computed are padding", given().n,
                         tile().cta_n, 100 * columns);
    }
    return {};
  }

  void stages() {
    const int now = kernel_.stages.value_or(3);
    const Bytes stage = bytes_of(kernel_.dtype, static_cast<double>(tile().cta_m + tile().cta_n) *
                                                    tile().cta_k.value_or(natural_cta_k(kernel_.dtype)));
    for (const int stages : {now - 1, now + 1}) {
      if (stages < 2) continue;
      Gemm gemm = recompiled(given());
      gemm.stages = stages;
      std::string symptom = stages > now ? room_symptom(now_, stage) : limiter_symptom(now_.found);
      if (symptom.empty()) continue;
      add(std::move(symptom), fmt::format("{} stages instead of {}", stages, now), gemm,
          {{"stages", std::to_string(stages)}});
    }
  }

  void warps() {
    if (given().impl.family != Family::triton) return;
    const int now = kernel_.warps.value_or(8);
    for (const int warps : {now / 2, 2 * now}) {
      if (warps < 4 || warps > 16) continue;
      Gemm gemm = recompiled(given());
      gemm.warps = warps;
      std::string symptom = now_.course.spills > 0 && warps > now
                                ? fmt::format("{} registers of a thread spill", now_.course.spills)
                                : limiter_symptom(now_.found);
      add(std::move(symptom), fmt::format("{} warps instead of {}", warps, now), gemm,
          {{"warps", std::to_string(warps)}});
    }
  }

  // Few tiles and a long k.
  void splits() {
    const double items = now_.main().kernel.items;
    const auto sms = static_cast<double>(now_.machine.sms.value);
    if (items >= sms || kernel_.split_k.value_or(1) > 1) return;
    for (const int split : {2, 4, 8}) {
      if (items * split > 2 * sms) continue;
      Gemm gemm = given();
      gemm.split_k = split;
      gemm.ctas.reset();
      add(fmt::format("{:.0f} tiles leave {:.0f} of {:.0f} SMs without work", items, sms - items, sms),
          fmt::format("k in {} slices", split), gemm, {{"split_k", std::to_string(split)}});
    }
  }

  const Situation& now_;
  std::vector<Proposal>& out_;
  Gemm kernel_;  // with the library's choice filled in
};

}  // namespace

void propose_gemm(const Situation& now, std::vector<Proposal>& out) { GemmProposals(now, out).all(); }

}  // namespace perfmodel
