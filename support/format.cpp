#include "support/format.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace perfmodel {
namespace {

struct Step {
  double factor;
  std::string_view symbol;
};

constexpr std::array<Step, 10> decimal_steps{{{1e-12, "p"},
                                              {1e-9, "n"},
                                              {1e-6, "u"},
                                              {1e-3, "m"},
                                              {1.0, ""},
                                              {1e3, "k"},
                                              {1e6, "M"},
                                              {1e9, "G"},
                                              {1e12, "T"},
                                              {1e15, "P"}}};
constexpr std::array<Step, 5> binary_steps{{{1.0, ""}, {0x1p10, "Ki"}, {0x1p20, "Mi"}, {0x1p30, "Gi"}, {0x1p40, "Ti"}}};

// The value after rounding to three digits decides, so that 999.7 us prints as 1.00 ms.
std::string scaled(double value, std::span<const Step> steps, std::string_view unit, double step_size) {
  if (!std::isfinite(value)) return "-";
  if (value == 0.0) return fmt::format("0 {}", unit);
  const Step* step = &steps.front();
  for (const Step& candidate : steps) {
    const bool reached = std::abs(value) >= candidate.factor * (1.0 - 0.5 / step_size);
    if (reached) step = &candidate;
  }
  return fmt::format("{} {}{}", format_significant(value / step->factor), step->symbol, unit);
}

enum Prefix : std::size_t { pico, nano, micro, milli, one, kilo, mega, giga, tera, peta };

std::string decimal(double value, std::string_view unit, Prefix first, Prefix last) {
  return scaled(value, std::span(decimal_steps).subspan(first, last - first + 1), unit, 1000.0);
}

}  // namespace

std::string format_time(Seconds time) { return decimal(time.si(), "s", nano, one); }
std::string format_rate(BytesPerSecond rate) { return decimal(rate.si(), "B/s", one, peta); }
std::string format_rate(FlopsPerSecond rate) { return decimal(rate.si(), "FLOPS", one, peta); }
std::string format_flops(Flops flops) { return decimal(flops.si(), "FLOP", one, peta); }
std::string format_power(Watts power) { return decimal(power.si(), "W", one, one); }
std::string format_energy(Joules energy) { return decimal(energy.si(), "J", pico, kilo); }
std::string format_cycles(Cycles cycles) { return decimal(cycles.si(), "clk", one, one); }
std::string format_rate(BytesPerCycle rate) { return decimal(rate.si(), "B/clk", one, one); }
std::string format_rate(FlopsPerCycle rate) { return decimal(rate.si(), "FLOP/clk", one, one); }
std::string format_rate(PerCycle rate) { return decimal(rate.si(), "/clk", one, one); }
std::string format_clock(Hertz clock) { return fmt::format("{:.0f} MHz", clock.si() * 1e-6); }

std::string format_bytes(Bytes bytes) {
  if (bytes.si() >= 0.0 && bytes.si() < 1024.0) return fmt::format("{:.0f} B", bytes.si());
  return scaled(bytes.si(), binary_steps, "B", 1024.0);
}

std::string format_percent(double fraction) {
  if (!std::isfinite(fraction)) return "-";
  const double percent = 100.0 * fraction;
  return std::abs(percent) < 99.95 ? fmt::format("{:.1f} %", percent) : fmt::format("{:.0f} %", percent);
}

std::string format_significant(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  if (value == 0.0) return "0";
  const double magnitude = std::abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e15) return fmt::format("{:.{}e}", value, digits - 1);
  // Rounding may add a digit in front (9.996 -> 10.0), so the exponent is taken after rounding.
  const std::string rounded = fmt::format("{:.{}e}", magnitude, digits - 1);
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  const int decimals = digits - 1 - exponent;
  return fmt::format("{:.{}f}", value, decimals > 0 ? decimals : 0);
}

std::string format_exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); }

}  // namespace perfmodel
