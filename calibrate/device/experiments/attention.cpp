// Attention: the vendor's forward and backward passes over random shapes, and our own kernel in its three forms.
#include "calibrate/device/kernels/attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "calibrate/device/experiments/cold_runs.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t random_rows = 60;
constexpr double least_operations = 1e10;   // of a random shape, so that the launch does not dominate
constexpr double most_operations = 2.5e11;  // about 0.7 ms
constexpr double most_error = 0.02;         // of bf16 output against double precision

std::string text(std::int64_t value) { return fmt::format("{}", value); }

template <class Value, std::size_t count>
Value one_of(const Value (&values)[count], std::mt19937_64& random) {
  return values[random() % count];
}

// Operations of the matrix products, dropout counted as the time that it adds.
double operations(const LibraryAttention& attention) {
  const double scores = 1.0 * attention.batch * attention.heads * attention.sequence * attention.sequence;
  double all = 4 * scores * attention.head_dim * (attention.causal ? 0.5 : 1) * (attention.backward ? 2.5 : 1);
  if (attention.dropout > 0) all *= attention.backward ? 1.2 : 2.2;
  return all;
}

LibraryAttention draw(std::mt19937_64& random) {
  LibraryAttention attention;
  attention.batch = one_of({1, 2, 4, 8}, random);
  attention.heads = one_of({8, 16, 24, 32, 40}, random);
  attention.kv_heads = attention.heads / one_of({1, 1, 1, 4}, random);
  attention.sequence = one_of({512, 1024, 1536, 2048, 3072, 4096, 6144, 8192}, random);
  attention.head_dim = one_of({64, 128, 128}, random);
  attention.causal = one_of({false, true}, random);
  attention.backward = one_of({false, false, false, true, true}, random);
  attention.dropout = one_of({0.0, 0.0, 0.1}, random);
  return attention;
}

Cells inputs_of(const LibraryAttention& attention) {
  return {{"op", "attention"},
          {"batch", text(attention.batch)},
          {"heads", text(attention.heads)},
          {"kv_heads", text(attention.kv_heads)},
          {"seq_q", text(attention.sequence)},
          {"seq_kv", text(attention.sequence)},
          {"head_dim", text(attention.head_dim)},
          {"causal", attention.causal ? "1" : "0"},
          {"dtype", "bf16"},
          {"dropout", decimal(attention.dropout, 1)},
          {"pass", attention.backward ? "bwd" : "fwd"},
          {"impl", "cudnn"},
          {"timer", "cupti"},
          {"regime", "cold"}};
}

std::string label_of(const LibraryAttention& attention) {
  return fmt::format("cuDNN attention {}x{}x{}x{} {} {} dropout {}", attention.batch, attention.heads,
                     attention.sequence, attention.head_dim, attention.causal ? "causal" : "full",
                     attention.backward ? "backward" : "forward", attention.dropout);
}

std::vector<LibraryAttention> library_shapes(const TableSink& rows) {
  std::vector<LibraryAttention> shapes;
  std::set<Cells> seen;
  std::mt19937_64 random(20261124);
  while (seen.size() < random_rows) {
    const LibraryAttention shape = draw(random);
    const double work = operations(shape);
    if (work < least_operations || work > most_operations) continue;
    const Cells inputs = inputs_of(shape);
    if (seen.insert(inputs).second && !rows.has(inputs)) shapes.push_back(shape);
  }
  return shapes;
}

// A job, or why there is none.
struct Made {
  std::optional<CudnnAttention> job;
  std::string fault;
};

// The library compiles a kernel a shape, half a second each, which all processors can do at once.
std::vector<Made> make_all(const std::vector<LibraryAttention>& shapes) {
  std::vector<Made> made(shapes.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < shapes.size(); i = next++) {
      try {
        made[i].job.emplace(shapes[i]);
      } catch (const std::exception& error) {
        made[i].fault = error.what();
      }
    }
  };
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
  std::vector<std::jthread> workers;
  for (unsigned i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  return made;
}

void check_forward(Bench& bench, const LibraryAttention& shape, CudnnAttention& job) {
  if (shape.backward || shape.dropout > 0) return;
  bench.progress(label_of(shape) + ": check");
  const double error = job.check(bench.stream());
  if (!(error < most_error)) throw DeviceError(fmt::format("{}: wrong by {:.3f}", label_of(shape), error));
}

// A row for each run that nothing speaks against.
void add_rows(Bench& bench, TableSink& rows, const std::vector<ColdRun>& runs, const std::vector<Cells>& inputs) {
  const std::vector<ColdTimes> times = run_cold(bench, runs);
  const Hertz top = top_clock(times);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string fault = cold_fault(times[i], top);
    if (!fault.empty()) {
      bench.progress(fmt::format("{}: no row, {}", runs[i].label, fault));
      continue;
    }
    Cells cells = inputs[i];
    append(cells, cold_cells(times[i]));
    rows.add(cells);
  }
}

struct OwnShape {
  int batch, heads, sequence;
  bool causal;
};

constexpr std::array<OwnShape, 9> own_shapes{{{1, 32, 4096, true},
                                              {1, 32, 4096, false},
                                              {1, 16, 8192, true},
                                              {1, 8, 8192, false},
                                              {2, 32, 2048, false},
                                              {4, 16, 2048, true},
                                              {4, 32, 1024, false},
                                              {8, 16, 512, false},
                                              {1, 40, 1024, true}}};

const char* source_name(AttentionDropout dropout) {
  constexpr std::array<const char*, 3> names{"none", "fused", "mask"};
  return names[static_cast<std::size_t>(dropout)];
}

std::vector<OwnAttention> own_forms(const OwnShape& shape) {
  OwnAttention attention;
  attention.batch = shape.batch;
  attention.heads = shape.heads;
  attention.sequence = shape.sequence;
  attention.causal = shape.causal;
  std::vector<OwnAttention> forms{attention};
  attention.dropout = AttentionDropout::fused;
  for (const int rounds : {3, 7, 10}) {
    attention.rounds = rounds;
    forms.push_back(attention);
  }
  attention.dropout = AttentionDropout::mask;
  attention.rounds = 7;
  forms.push_back(attention);
  return forms;
}

Cells inputs_of(const OwnAttention& attention) {
  const bool drops = attention.dropout != AttentionDropout::none;
  return {{"op", "attention"},
          {"batch", text(attention.batch)},
          {"heads", text(attention.heads)},
          {"kv_heads", text(attention.heads)},
          {"seq_q", text(attention.sequence)},
          {"seq_kv", text(attention.sequence)},
          {"head_dim", "128"},
          {"causal", attention.causal ? "1" : "0"},
          {"dtype", "bf16"},
          {"dropout", decimal(drops ? 1 - attention.keep : 0, 1)},
          {"dropout_source", attention.dropout == AttentionDropout::none ? "" : source_name(attention.dropout)},
          {"rng_rounds", drops ? text(attention.rounds) : ""},
          {"pass", "fwd"},
          {"impl", "flash3"},
          {"code", "own"},
          {"timer", "cupti"},
          {"regime", "cold"}};
}

std::string label_of(const OwnAttention& attention) {
  return fmt::format("own attention {}x{}x{} {}, dropout {}, {} rounds", attention.batch, attention.heads,
                     attention.sequence, attention.causal ? "causal" : "full", source_name(attention.dropout),
                     attention.rounds);
}

// The mask that the form reads, made as the fused form makes it.
DeviceBuffer<std::uint32_t> mask_of(Bench& bench, const OwnAttention& attention) {
  RngMask mask;
  mask.elements = std::int64_t{attention.batch} * attention.heads * attention.sequence * attention.sequence;
  mask.rounds = attention.rounds;
  mask.bits = 8;
  mask.ctas = 8 * bench.sms();
  mask.seed = attention.seed;
  mask.keep = attention.keep;
  DeviceBuffer<std::uint32_t> words(static_cast<std::size_t>(mask.elements / 32));
  rng_mask_launch(mask, words.data())(bench.stream().get());
  bench.stream().wait();
  return words;
}

// Checked against the reference, with what it reads; the launch is good for as long as this.
struct OwnWork {
  OwnAttentionJob job;
  DeviceBuffer<std::uint32_t> mask;
  Cells inputs;
};

std::unique_ptr<OwnWork> checked_work(Bench& bench, const OwnAttention& attention) {
  bench.progress(label_of(attention) + ": check");
  auto work = std::make_unique<OwnWork>(OwnWork{OwnAttentionJob(attention), {}, inputs_of(attention)});
  const double error = work->job.check(bench.stream());
  if (!(error < most_error)) throw DeviceError(fmt::format("{}: wrong by {:.3f}", label_of(attention), error));
  if (attention.dropout == AttentionDropout::mask) work->mask = mask_of(bench, attention);
  const KernelResources resources = work->job.resources();
  work->inputs.insert(work->inputs.end(), {{"cta_m", "128"},
                                           {"cta_n", "128"},
                                           {"registers", text(resources.registers)},
                                           {"smem", decimal(resources.dynamic_smem.si(), 0)},
                                           {"relative_error", decimal(error, 5)}});
  return work;
}

}  // namespace

void measure_attention(Bench& bench, TableSink& rows) {
  const std::vector<LibraryAttention> shapes = library_shapes(rows);
  bench.progress("cuDNN: compiling");
  std::vector<Made> made = make_all(shapes);
  std::vector<ColdRun> runs;
  std::vector<Cells> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!made[i].job) {
      bench.progress(fmt::format("{}: no row, {}", label_of(shapes[i]), made[i].fault));
      continue;
    }
    check_forward(bench, shapes[i], *made[i].job);
    runs.push_back({label_of(shapes[i]), made[i].job->launch()});
    inputs.push_back(inputs_of(shapes[i]));
  }
  if (runs.empty() && !shapes.empty()) throw DeviceError(made.front().fault);
  add_rows(bench, rows, runs, inputs);
}

void measure_attention_own(Bench& bench, TableSink& rows) {
  std::vector<std::unique_ptr<OwnWork>> all;
  std::vector<ColdRun> runs;
  std::vector<Cells> inputs;
  for (const OwnShape& shape : own_shapes) {
    for (const OwnAttention& attention : own_forms(shape)) {
      if (rows.has(inputs_of(attention))) continue;
      all.push_back(checked_work(bench, attention));
      const bool reads = attention.dropout == AttentionDropout::mask;
      runs.push_back({label_of(attention), all.back()->job.launch(reads ? all.back()->mask.data() : nullptr)});
      inputs.push_back(all.back()->inputs);
    }
  }
  add_rows(bench, rows, runs, inputs);
}

}  // namespace perfmodel
