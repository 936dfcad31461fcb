// What a launch costs: the empty kernel, gaps in streams, graphs and dependent launches, the start of CTAs, barriers of
// the whole grid, and the first launch after a pause.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "calibrate/device/probes/launch_kernels.cuh"
#include "calibrate/device/probes/launch_queue.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/sass.hpp"

namespace perfmodel {
namespace {

constexpr const char* theme = "launch";
constexpr long long work = 10'000;  // clocks of the kernels whose gaps are measured
constexpr double microsecond = 1e-6;

struct Shape {
  int ctas = 1;
  int threads = 32;
  int cluster = 1;         // CTAs of a cluster
  bool dependent = false;  // programmatic dependent launch
};

template <class... Parameters, class... Arguments>
Launch launch_of(void (*kernel)(Parameters...), Shape shape, Arguments... arguments) {
  return [=](cudaStream_t stream) {
    cudaLaunchAttribute attributes[2] = {};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(shape.ctas);
    config.blockDim = dim3(shape.threads);
    config.stream = stream;
    config.attrs = attributes;
    if (shape.cluster > 1) {
      cudaLaunchAttribute& cluster = attributes[config.numAttrs++];
      cluster.id = cudaLaunchAttributeClusterDimension;
      cluster.val.clusterDim = {static_cast<unsigned>(shape.cluster), 1, 1};
    }
    if (shape.dependent) {
      cudaLaunchAttribute& dependent = attributes[config.numAttrs++];
      dependent.id = cudaLaunchAttributeProgrammaticStreamSerialization;
      dependent.val.programmaticStreamSerializationAllowed = 1;
    }
    PERFMODEL_CUDA(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
  };
}

std::vector<double> scaled(std::vector<double> values, double factor, double less = 0) {
  for (double& value : values) value = factor * (value - less);
  return values;
}

std::string grid_name(const Shape& shape) {
  return std::to_string(shape.ctas) + (shape.ctas == 1 ? " CTA x " : " CTAs x ") + std::to_string(shape.threads);
}

class LaunchProbe {
 public:
  explicit LaunchProbe(Bench& bench) : bench_(bench), queue_(bench), clock_(sm_clock()) {}

  void report_empty() {
    bench_.progress("launch: empty kernels");
    const Shape one{1, 32};
    report_duration("empty " + grid_name(one), launch_of(empty_kernel, one), "launch.kernel");
    for (const Shape& shape : {Shape{bench_.sms(), 128}, Shape{bench_.sms(), 1024}, Shape{8 * bench_.sms(), 256}}) {
      report_duration("empty " + grid_name(shape), launch_of(empty_kernel, shape), "");
    }
    report("empty kernels in a stream", "period", "us",
           scaled(queue_.period(launch_of(empty_kernel, one)), 1 / microsecond), "", "time of each, queued");
  }

  // A kernel of known work on every SM, again and again; by CUPTI it takes `kernel`.
  void report_gaps() {
    bench_.progress("launch: gaps");
    const Shape shape{bench_.sms(), 128};
    const Launch launch = launch_of(stay_kernel, shape, work);
    const double kernel = duration(launch);
    const std::vector<double> stream = queue_.period(launch);
    report_gap("stream", stream, kernel, "launch.stream");
    report_gap("graph", queue_.graph_period(launch), kernel, "launch.graph");
    report_events(launch, kernel);
    report_between(launch, summarise(stream).median);
    const Shape one{1, 128};
    const Launch small = launch_of(stay_kernel, one, work);
    report_gap("stream, one CTA", queue_.period(small), duration(small), "");
  }

  void report_dependent() {
    bench_.progress("launch: dependent launches");
    const Shape shape{.ctas = bench_.sms(), .threads = 128, .dependent = true};
    const Launch early = launch_of(early_stay_kernel, shape, work);
    const Launch late = launch_of(late_stay_kernel, shape, work);
    report_overhead("stream, dependent launch, early trigger", queue_.period(early));
    report_overhead("stream, dependent launch, no trigger", queue_.period(late));
  }

  void report_dependent_graph() {
    const Shape shape{.ctas = bench_.sms(), .threads = 128, .dependent = true};
    const Launch early = launch_of(early_stay_kernel, shape, work);
    report_overhead("graph, dependent launch, early trigger", queue_.graph_period(early));
  }

  void report_dispatch() {
    for (const int threads : {32, 64, 128, 256, 512, 1024}) {
      bench_.progress("launch: dispatch of CTAs of " + std::to_string(threads));
      report_dispatch({.threads = threads}, threads == 32 ? "launch.dispatch" : "");
    }
    for (const int cluster : {2, 4, 8}) report_dispatch({.threads = 128, .cluster = cluster}, "");
  }

  void report_clusters() {
    PERFMODEL_CUDA(cudaFuncSetAttribute(empty_kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
    for (const int cluster : {2, 4, 8, 16}) {
      const Shape shape{.ctas = std::max(bench_.sms() / cluster / 2, 1) * cluster, .threads = 128, .cluster = cluster};
      report_duration("empty " + grid_name(shape) + ", clusters of " + std::to_string(cluster),
                      launch_of(empty_kernel, shape), "");
    }
  }

  void report_first_wave() {
    for (const int ctas : {1, 2, 4, 8, 16, 32}) report_wave(ctas, 32);
    report_wave(8, 256);
    report_wave(2, 1024);
  }

  void report_barriers() {
    bench_.progress("launch: barriers of the grid");
    for (const auto& [ctas, threads] :
         {std::pair{1, 32}, {1, 128}, {1, 256}, {1, 1024}, {2, 256}, {2, 1024}, {8, 256}}) {
      report_barrier(ctas, threads);
    }
  }

  void report_pause() {
    bench_.progress("launch: after a pause");
    const Launch empty = launch_of(empty_kernel, Shape{1, 32});
    const TimeOptions paused{.repeats = 10, .pause = Seconds(20e-3)};
    const TimeOptions cold{.repeats = 10, .flush_l2 = true, .pause = Seconds(20e-3)};
    report_first("empty, after 20 ms", empty, paused);
    report_first("empty, after 20 ms and an L2 flush", empty, cold);
    DeviceBuffer<float> data(std::vector<float>(96, 0.5F));
    const Launch code = launch_of(long_code_kernel, Shape{bench_.sms(), 32}, data.data(), data.data());
    report_duration("64 KiB of code, hot", code, "");
    report_first("64 KiB of code, after 20 ms", code, paused);
    report_first("64 KiB of code, after 20 ms and an L2 flush", code, cold);
  }

 private:
  // While the card is under no load: what turns clocks into time here.
  Hertz sm_clock() {
    DeviceBuffer<unsigned long long> out(2);
    const Launch launch = launch_of(clock_ratio_kernel, Shape{1, 1}, 4'000'000LL, out.data());
    launch(bench_.stream().get());
    launch(bench_.stream().get());
    bench_.stream().wait();
    const std::vector<unsigned long long> ratio = out.download();
    if (ratio[1] == 0) throw DeviceError("globaltimer: stands still; restart the driver");
    return Hertz(1e9 * static_cast<double>(ratio[0]) / static_cast<double>(ratio[1]));
  }

  void report(const std::string& case_name, const char* quantity, const char* unit, const std::vector<double>& values,
              const std::string& key, const std::string& note = "") {
    Finding finding = bench_.finding(theme, case_name, quantity, unit);
    finding.value = summarise(values);
    if (finding.value.median > 0) finding.key = key;
    finding.note = note;
    bench_.report(std::move(finding));
  }

  // By CUPTI, whose clock is coarse beside an empty kernel: each repetition is the mean of several launches.
  [[nodiscard]] std::vector<double> durations(const Launch& launch) {
    constexpr int launches = 10;
    const Launch several = [&](cudaStream_t stream) {
      for (int i = 0; i < launches; ++i) launch(stream);
    };
    return scaled(bench_.time_kernels(several, {.repeats = 15}), 1.0 / launches);
  }
  [[nodiscard]] double duration(const Launch& launch) { return summarise(durations(launch)).median; }

  void report_duration(const std::string& case_name, const Launch& launch, const std::string& key) {
    report(case_name, "duration", "us", scaled(durations(launch), 1 / microsecond), key, "by CUPTI");
  }

  void report_first(const std::string& case_name, const Launch& launch, const TimeOptions& options) {
    report(case_name, "duration", "us", scaled(bench_.time_kernels(launch, options), 1 / microsecond), "", "by CUPTI");
  }

  // What each of a row of working kernels takes more than its work.
  void report_overhead(const std::string& case_name, const std::vector<double>& period) {
    report(case_name, "overhead", "us", scaled(period, 1 / microsecond, work / clock_.si()), "",
           "time of each in a queue, beyond the clocks that it works");
  }

  void report_gap(const std::string& case_name, const std::vector<double>& period, double kernel,
                  const std::string& key) {
    report_overhead(case_name, period);
    report(case_name, "gap", "us", scaled(period, 1 / microsecond, kernel), key,
           "time of each in a queue, less what CUPTI gives for it");
  }

  void report_events(const Launch& launch, double kernel) {
    report("two events, queued", "overhead", "us", scaled(queue_.between_events(launch), 1 / microsecond, kernel),
           "launch.event", "beyond the kernel by CUPTI; the card does not wait for the host");
    report("two events, idle stream", "overhead", "us",
           scaled(bench_.time(launch, {.repeats = 30}), 1 / microsecond, kernel), "", "beyond the kernel by CUPTI");
  }

  // What something small between the kernels of a stream adds.
  void report_between(const Launch& launch, double plain) {
    DeviceBuffer<std::uint32_t> words(64);
    const Launch clear = [&](cudaStream_t stream) {
      launch(stream);
      PERFMODEL_CUDA(cudaMemsetAsync(words.data(), 0, 64, stream));
    };
    report("memset of 64 bytes in between", "added", "us", scaled(queue_.period(clear), 1 / microsecond, plain), "",
           "to the time of each kernel in a stream");
    Event event;
    const Launch marked = [&](cudaStream_t stream) {
      launch(stream);
      PERFMODEL_CUDA(cudaEventRecord(event.get(), stream));
    };
    report("event in between", "added", "us", scaled(queue_.period(marked), 1 / microsecond, plain), "",
           "to the time of each kernel in a stream");
  }

  // CTAs that end at once; the difference of two grids has neither the launch nor the end.
  void report_dispatch(Shape shape, const std::string& key) {
    const auto seconds = [&](int ctas_per_sm) {
      shape.ctas = bench_.sms() * ctas_per_sm / 16 * 16;
      return bench_.time_kernels(launch_of(empty_kernel, shape), {.repeats = 10});
    };
    const double fewer = summarise(seconds(128)).median;
    const double first = shape.ctas;
    std::vector<double> rates;
    for (const double longer : seconds(640)) {
      if (longer > fewer) rates.push_back((shape.ctas - first) / ((longer - fewer) * clock_.si()));
    }
    std::string name = "CTAs of " + std::to_string(shape.threads);
    if (shape.cluster > 1) name += ", clusters of " + std::to_string(shape.cluster);
    report(name, "dispatch", "/clk", rates, key, "empty CTAs of a large grid, the whole chip");
  }

  void report_wave(int ctas_per_sm, int threads) {
    const auto count = static_cast<std::size_t>(ctas_per_sm * bench_.sms());
    DeviceBuffer<CtaStart> starts(count);
    const Launch launch = launch_of(start_kernel, Shape{static_cast<int>(count), threads}, starts.data(), 40'000LL);
    std::vector<double> intervals;
    std::vector<double> spans;
    for (int i = 0; i < 6; ++i) {
      launch(bench_.stream().get());
      bench_.stream().wait();
      if (i > 0) add_wave(starts.download(), intervals, spans);
    }
    const std::string name =
        "first wave, " + std::to_string(ctas_per_sm) + " an SM of " + std::to_string(threads) + " threads";
    report(name, "span", "us", spans, "", "from the first CTA's start to the last one's, the whole chip");
    if (ctas_per_sm > 1) report(name, "interval", "clk", intervals, "", "between the starts of two CTAs of an SM");
  }

  static void add_wave(const std::vector<CtaStart>& starts, std::vector<double>& intervals,
                       std::vector<double>& spans) {
    std::map<unsigned, std::vector<long long>> of_sm;
    unsigned long long first = starts.front().nanoseconds;
    unsigned long long last = first;
    for (const CtaStart& start : starts) {
      of_sm[start.sm].push_back(start.clock);
      first = std::min(first, start.nanoseconds);
      last = std::max(last, start.nanoseconds);
    }
    spans.push_back(1e-3 * static_cast<double>(last - first));
    for (const auto& [sm, clocks] : of_sm) {
      if (clocks.size() < 2) continue;
      const auto [low, high] = std::minmax_element(clocks.begin(), clocks.end());
      intervals.push_back(static_cast<double>(*high - *low) / static_cast<double>(clocks.size() - 1));
    }
  }

  void report_barrier(int ctas_per_sm, int threads) {
    constexpr int barriers = 40;
    const int ctas = ctas_per_sm * bench_.sms();
    DeviceBuffer<long long> clocks(static_cast<std::size_t>(ctas));
    int count = barriers;
    long long* out = clocks.data();
    void* arguments[] = {&count, &out};
    std::vector<double> samples;
    for (int i = 0; i < 5; ++i) {
      PERFMODEL_CUDA(cudaLaunchCooperativeKernel(grid_barrier_kernel, dim3(ctas), dim3(threads), arguments, 0,
                                                 bench_.stream().get()));
      bench_.stream().wait();
      for (const long long value : clocks.download()) samples.push_back(static_cast<double>(value) / barriers);
    }
    report("grid barrier, " + std::to_string(ctas_per_sm) + " an SM of " + std::to_string(threads) + " threads",
           "barrier", "clk", samples, "");
  }

  Bench& bench_;
  LaunchQueue queue_;
  Hertz clock_;
};

}  // namespace

void probe_launch(Bench& bench) {
  if (!bench.wanted(theme)) return;
  LaunchProbe probe(bench);
  probe.report_empty();
  probe.report_gaps();
  probe.report_dispatch();
  probe.report_first_wave();
  probe.report_pause();
  probe.report_barriers();
  probe.report_dependent();
  probe.report_clusters();
  probe.report_dependent_graph();
}

std::vector<SassExpectation> sass_expectations_launch() {
  return {{.kernel = "long_code_kernel", .opcode = "FFMA", .at_least = long_code},
          {.kernel = "early_stay_kernel", .opcode = "PREEXIT", .at_least = 1},
          {.kernel = "early_stay_kernel", .opcode = "ACQBULK", .at_least = 1},
          {.kernel = "late_stay_kernel", .opcode = "ACQBULK", .at_least = 1}};
}

}  // namespace perfmodel
