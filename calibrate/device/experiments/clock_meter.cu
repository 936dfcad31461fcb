#include "calibrate/device/experiments/clock_meter.hpp"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {
namespace {

constexpr unsigned long long length_ns = 20'000;
constexpr long long clock_limit = 1'000'000;  // about 500 us

// From one step of the timer to another: its steps may be as long as a microsecond.
__global__ void clock_meter(unsigned long long* reading) {
  const long long begin = clock64();
  const unsigned long long before = global_nanoseconds();
  unsigned long long first = before;
  while (first == before && clock64() - begin < clock_limit) first = global_nanoseconds();
  const long long first_clock = clock64();
  unsigned long long last = first;
  while (last - first < length_ns && clock64() - begin < clock_limit) last = global_nanoseconds();
  const long long last_clock = clock64();
  reading[0] = last - first;
  reading[1] = static_cast<unsigned long long>(last_clock - first_clock);
}

}  // namespace

ClockMeter::ClockMeter() : reading_(2) {}

void ClockMeter::launch(cudaStream_t stream) const {
  clock_meter<<<1, 1, 0, stream>>>(reading_.data());
  PERFMODEL_CUDA(cudaGetLastError());
}

Hertz ClockMeter::read() const {
  const std::vector<unsigned long long> reading = reading_.download();
  if (reading[0] < length_ns) throw DeviceError("globaltimer: stands still; restart the driver");
  return Hertz(1e9 * static_cast<double>(reading[1]) / static_cast<double>(reading[0]));
}

}  // namespace perfmodel
