#include "calibrate/fit_report.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "arch/fields.hpp"
#include "arch/overlay.hpp"
#include "validate/metrics.hpp"

namespace perfmodel {

namespace {

void add_row(std::string& text, const std::string& name, const Accuracy& a) {
  text += fmt::format("{:<44} {:>5} {:>6.1f} % {:>6.1f} % {:>6.1f} % {:>+6.1f} %\n", name, a.n, 100 * a.mean,
                      100 * a.median, 100 * a.p95, 100 * a.bias);
}

std::string row_name(const Measurement& measured, const HeldOut& row) {
  std::string impl;
  if (const auto* attention = std::get_if<Attention>(&measured.op.work)) {
    impl = fmt::format(" {}{}", impl_name({attention->impl.family, {}}), attention->dropout > 0 ? " dropout" : "");
  }
  return fmt::format("{} {} {}{}", measured.table, row.op, row.regime, impl);
}

using Groups = std::map<std::string, std::vector<Outcome>>;

void collect(const Fit& fit, Groups& times, Groups& others) {
  for (const HeldOut& row : fit.held_out) {
    const Measurement& measured = fit.measurements[row.measurement];
    if (measured.time) {
      const Outcome outcome{*measured.time, row.predicted, row.predicted, row.predicted};
      times[row_name(measured, row)].push_back(outcome);
      times["all " + row.op].push_back(outcome);
    }
    // Metrics compare times; clocks and powers go through them as plain numbers.
    if (measured.clock) {
      const Seconds is(measured.clock->si());
      const Seconds said(row.clock.si());
      others["clock of " + measured.table].push_back({is, said, said, said});
    }
    if (measured.power) {
      const Seconds is(measured.power->si());
      const Seconds said(row.power.si());
      others["power of " + measured.table].push_back({is, said, said, said});
    }
  }
}

// FNV-1a of a file's bytes: enough to say whether a table is still the one that was fitted.
std::string hash_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t hash = 1469598103934665603ULL;
  for (auto at = std::istreambuf_iterator<char>(file); at != std::istreambuf_iterator<char>(); ++at) {
    hash = (hash ^ static_cast<unsigned char>(*at)) * 1099511628211ULL;
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace

std::string text_fit(const Fit& fit, const Machine& before) {
  std::string text =
      fmt::format("{} constants of {} fitted to {} rows; errors of rows whose shape family was left out\n\n",
                  fit.keys.size(), before.id, fit.measurements.size());
  text += fmt::format("{:<44} {:>5} {:>8} {:>8} {:>8} {:>8}\n", "rows", "n", "mean", "median", "p95", "bias");
  Groups times;
  Groups others;
  collect(fit, times, others);
  for (const Groups* groups : {&times, &others}) {
    for (const auto& [name, outcomes] : *groups) {
      add_row(text, name, accuracy(outcomes));
    }
  }
  text += fmt::format("\n{:<28} {:<16} {}\n", "constant", "value", "before");
  Machine fitted = fit.machine;
  Machine old = before;
  for (const std::string& key : fit.keys) {
    const auto now = find_constant(fitted, key);
    const auto then = find_constant(old, key);
    const double value = now->constant.get();
    const bool edge = value <= now->field->low * 1.0001 || value >= now->field->high * 0.9999;
    text += fmt::format("{:<28} {:<16} {}{}\n", key, format_constant(*now->field, value),
                        format_constant(*then->field, then->constant.get()), edge ? "  at the edge of its range" : "");
  }
  return text;
}

std::vector<std::string> fit_tables(const std::string& folder) {
  static constexpr std::array<const char*, 14> names = {"gemm.csv",
                                                        "gemm_short.csv",
                                                        "attention.csv",
                                                        "rng.csv",
                                                        "power.csv",
                                                        "block.csv",
                                                        "attention_flash3.csv",
                                                        "attention_trtllm.csv",
                                                        "attention_published.csv",
                                                        "overlap.csv",
                                                        "gemm_tiles.csv",
                                                        "gemm_tiles_other.csv",
                                                        "attention_tiles.csv",
                                                        "attention_tiles_other.csv"};
  std::vector<std::string> paths;
  for (const char* name : names) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    if (std::filesystem::exists(path)) {
      paths.push_back(path.string());
    }
  }
  return paths;
}

std::string overlay_of(const Fit& fit, const std::vector<std::string>& tables, const std::string& date,
                       const std::string& command) {
  Machine machine = fit.machine;
  Calibration& calibration = machine.calibration;
  calibration = {};
  calibration.machine = machine.id;
  calibration.date = date;
  calibration.command = command;
  for (const std::string& path : tables) {
    calibration.tables.push_back({std::filesystem::path(path).filename().string(), hash_of(path)});
  }
  calibration.residuals = residual_quantiles(fit.measurements, fit.held_out);
  return format_overlay(machine, fit.keys);
}

}  // namespace perfmodel
