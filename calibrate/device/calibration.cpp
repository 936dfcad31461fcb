#include "calibrate/device/calibration.hpp"

#include <map>

#include "calibrate/device/card_description.hpp"
#include "calibrate/device/cupti/metrics.hpp"
#include "calibrate/device/steps.hpp"
#include "calibrate/machine_file.hpp"
#include "support/atomic_file.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {
namespace {

// Hands what the bench finds to the folder and the view.
class Listener : public BenchListener {
 public:
  Listener(ResultsFolder& folder, CampaignView& view, bool record) : folder_(folder), view_(view), record_(record) {}

  // Steps are chosen before they are called.
  bool wanted(std::string_view /*probe*/) override { return true; }
  void report(const Finding& finding) override {
    folder_.add(finding);
    ++findings_;
  }
  void progress(std::string_view what) override { view_.progress(what); }
  [[nodiscard]] SassCheck sass() const override { return sass_; }
  void check_interrupt() override { view_.check_interrupt(); }
  void record(std::string_view file, std::string_view lines) override {
    if (record_) recordings_[std::string(file)] += lines;
  }

  void begin(SassCheck sass) {
    sass_ = sass;
    findings_ = 0;
  }
  [[nodiscard]] std::size_t findings() const { return findings_; }
  void write_recordings() const {
    for (const auto& [file, lines] : recordings_) write_file_atomically(folder_.file(file), lines);
  }

 private:
  ResultsFolder& folder_;
  CampaignView& view_;
  bool record_;
  SassCheck sass_ = SassCheck::unchecked;
  std::size_t findings_ = 0;
  std::map<std::string, std::string> recordings_;
};

class Calibration {
 public:
  Calibration(const CalibrationJob& job, CampaignView& view)
      : job_(job), folder_(job.folder), view_(view), listener_(folder_, view, job.record), bench_(listener_) {
    if (!job.disassembly.empty()) functions_ = parse_sass(job.disassembly);
    write_pages();
  }

  bool run() {
    std::vector<Step> steps;
    for (const DeviceStep& step : device_steps()) {
      steps.push_back({step.name, step.expected, [this, &step] { return run_step(step); }});
    }
    const bool complete = run_campaign(steps, job_.only, folder_, view_);
    write_pages();
    return complete;
  }

 private:
  StepResult run_step(const DeviceStep& step) {
    StepResult result;
    SassCheck sass = SassCheck::unchecked;
    if (step.sass != nullptr && !functions_.empty()) {
      const std::vector<std::string> faults = sass_mismatches(functions_, step.sass());
      if (!faults.empty()) {
        return {StepEnd::partial, 0, "the machine code is not what the probe names: " + faults.front()};
      }
      sass = SassCheck::checked;
    }
    listener_.begin(sass);
    try {
      result.results = measure(step);
    } catch (const std::exception& error) {
      // An error that stays is of the context: nothing runs in it any more.
      const bool lost = cudaDeviceSynchronize() != cudaSuccess;
      result = {lost ? StepEnd::fatal : StepEnd::partial, 0, error.what()};
    }
    static_cast<void>(cudaGetLastError());
    listener_.write_recordings();
    if (result.end != StepEnd::fatal) write_pages();
    return result;
  }

  // The number of findings or new rows.
  std::size_t measure(const DeviceStep& step) {
    if (step.probe != nullptr) {
      step.probe(bench_);
      return listener_.findings();
    }
    TableSink rows = folder_.table(step.table);
    const std::size_t before = rows.rows();
    step.experiment(bench_, rows);
    return rows.rows() - before;
  }

  void write_pages() {
    CardDescription card = describe_card();
    card.lines.emplace_back("date", job_.date);
    card.lines.emplace_back("command", job_.command);
    folder_.write_header(card.lines);
    const auto base = shipped_machine(card.name);
    if (!base) return;
    try {
      write_file_atomically(folder_.file("machine.yaml"),
                            machine_yaml(folder_.findings(), {card.name, *base, job_.date}));
    } catch (const InputError& error) {
      // The findings are what was measured; the file can be made of them later.
      view_.failed("machine.yaml", error.what());
    }
  }

  const CalibrationJob& job_;
  ResultsFolder folder_;
  CampaignView& view_;
  Listener listener_;
  Bench bench_;
  std::vector<SassFunction> functions_;
};

}  // namespace

std::vector<std::pair<std::string, Seconds>> calibration_steps() {
  std::vector<std::pair<std::string, Seconds>> steps;
  for (const DeviceStep& step : device_steps()) steps.emplace_back(step.name, step.expected);
  return steps;
}

std::vector<std::pair<std::string, std::vector<std::string>>> sass_faults(const std::string& disassembly) {
  const std::vector<SassFunction> functions = parse_sass(disassembly);
  std::vector<std::pair<std::string, std::vector<std::string>>> faults;
  for (const DeviceStep& step : device_steps()) {
    if (step.sass == nullptr) continue;
    std::vector<std::string> of_step = sass_mismatches(functions, step.sass());
    if (!of_step.empty()) faults.emplace_back(step.name, std::move(of_step));
  }
  return faults;
}

bool calibrate(const CalibrationJob& job, CampaignView& view) {
  try {
    require_card();
    return Calibration(job, view).run();
  } catch (const DeviceError& error) {
    throw RuntimeError(error.what());
  }
}

std::vector<std::string> chip_metrics() {
  try {
    int devices = 0;
    const bool any = cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
    const MetricHost host(any ? chip_name() : "GH100");
    std::vector<std::string> lines;
    for (const std::string& metric : host.base_metrics()) lines.push_back(metric + ": " + host.description(metric));
    return lines;
  } catch (const DeviceError& error) {
    throw RuntimeError(error.what());
  }
}

}  // namespace perfmodel
