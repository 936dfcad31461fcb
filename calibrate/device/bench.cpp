#include "calibrate/device/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/nvml.hpp"
#include "calibrate/device/sampler.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t flush_bytes = std::size_t{256} << 20U;

std::string pci_address() {
  int device = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  std::array<char, 32> text{};
  PERFMODEL_CUDA(cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), device));
  return text.data();
}

cudaDeviceProp device_properties() {
  int device = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties{};
  PERFMODEL_CUDA(cudaGetDeviceProperties(&properties, device));
  return properties;
}

// So many launches that a batch of them takes about 10 ms: long enough that the card never runs dry between batches.
int batch_size(Seconds one) { return static_cast<int>(std::clamp(10e-3 / std::max(one.si(), 1e-6), 1.0, 2000.0)); }

}  // namespace

Bench::Bench(BenchListener& listener)
    : listener_(listener),
      properties_(device_properties()),
      flush_(flush_bytes),
      nvml_(std::make_unique<Nvml>(pci_address())) {}

Bench::~Bench() = default;

bool Bench::wanted(std::string_view probe) { return listener_.wanted(probe); }

void Bench::prepare(const TimeOptions& options) {
  listener_.check_interrupt();
  if (options.pause.si() > 0) pause(options.pause);
  if (options.flush_l2) flush_l2();
}

std::vector<double> Bench::time(const Launch& launch, const TimeOptions& options) {
  for (int i = 0; i < options.warmup; ++i) launch(stream_.get());
  stream_.wait();
  PERFMODEL_CUDA(cudaGetLastError());
  Event start;
  Event end;
  std::vector<double> seconds;
  for (int i = 0; i < options.repeats; ++i) {
    prepare(options);
    start.record(stream_);
    launch(stream_.get());
    end.record(stream_);
    seconds.push_back(end.since(start).si());
  }
  PERFMODEL_CUDA(cudaGetLastError());
  return seconds;
}

std::vector<double> Bench::time_kernels(const Launch& launch, const TimeOptions& options) {
  KernelTrace trace(stream_);
  for (int i = 0; i < options.warmup; ++i) launch(stream_.get());
  stream_.wait();
  PERFMODEL_CUDA(cudaGetLastError());
  std::vector<double> seconds;
  for (int i = 0; i < options.repeats; ++i) {
    prepare(options);
    const std::vector<KernelRecord> records = trace.trace(launch);
    if (records.empty()) throw DeviceError("cuptiActivityFlushAll: no kernel was seen to run");
    seconds.push_back(busy_of(records).si());
  }
  return seconds;
}

CardState Bench::card() const { return nvml_->state(); }

Bench::Steady Bench::run_steady(const Launch& launch, Seconds duration) {
  return run_steady(launch, duration, duration);
}

Bench::Steady Bench::run_steady(const Launch& launch, Seconds warmup, Seconds duration) {
  const std::vector<double> alone = time(launch, {.warmup = 1, .repeats = 3});
  const int batch = batch_size(Seconds(summarise(alone).median));
  std::array<Event, 2> batch_ends;
  long long batches = 0;
  const auto run = [&](Seconds length) {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    for (long long first = batches; batches == first || elapsed() < length.si(); ++batches) {
      Event& done = batch_ends[static_cast<std::size_t>(batches % 2)];
      if (batches >= 2) PERFMODEL_CUDA(cudaEventSynchronize(done.get()));
      listener_.check_interrupt();
      for (int i = 0; i < batch; ++i) launch(stream_.get());
      done.record(stream_);
    }
  };
  run(warmup);
  const long long before = batches;
  Event start;
  Event end;
  start.record(stream_);
  CardSampler sampler(*nvml_);
  run(duration);
  end.record(stream_);
  // The samples stop with the launches: what still runs is under the same load.
  const CardSampler::Mean mean = sampler.stop();
  const double launches = static_cast<double>(batch) * static_cast<double>(batches - before);
  const Seconds one = end.since(start) / launches;
  PERFMODEL_CUDA(cudaGetLastError());
  return {one, mean.card, mean.samples};
}

void Bench::flush_l2() { PERFMODEL_CUDA(cudaMemsetAsync(flush_.data(), 0, flush_.bytes(), stream_.get())); }

void Bench::pause(Seconds time) const {
  stream_.wait();
  std::this_thread::sleep_for(std::chrono::duration<double>(time.si()));
}

Finding Bench::finding(std::string probe, std::string case_name, std::string quantity, std::string unit) {
  Finding finding;
  finding.probe = std::move(probe);
  finding.case_name = std::move(case_name);
  finding.quantity = std::move(quantity);
  finding.unit = std::move(unit);
  finding.card = card();
  return finding;
}

void Bench::report(Finding finding) {
  finding.sass = listener_.sass();
  if (finding.value.samples > 0 && finding.value.spread > Summary::default_spread_limit) {
    finding.note = fmt::format("no value: repetitions disagree, median {:.6g}{}{}", finding.value.median,
                               finding.note.empty() ? "" : "; ", finding.note);
  }
  listener_.check_interrupt();
  listener_.report(finding);
}

void Bench::progress(std::string_view what) {
  listener_.check_interrupt();
  listener_.progress(what);
}

}  // namespace perfmodel
