// The SM clock against how busy the tensor cores are and what the operands hold: the clock that NVML shows (asked for),
// the one that wgmma gets (clock64 over globaltimer), board power and the driver's reasons to hold the clock down.
//
//     nvcc -gencode arch=compute_90a,code=sm_90a -O3 -std=c++17 -I../../.. duty.cu -o duty -ldl && ./duty > duty.csv
//
// A load a row, 1.7 s, of which the last 0.6 s count; about 50 s in all. It changes no setting of the card.
#include <cuda_bf16.h>
#include <dlfcn.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "calibrate/device/wgmma.cuh"

namespace wgmma = perfmodel::wgmma;

namespace {

constexpr int row_operand = 64 * 64 * 2;       // bytes of shared memory
constexpr int column_operand = 256 * 64 * 2;
constexpr int operands = row_operand + column_operand;
constexpr int products = 8;                    // of a step
constexpr int steps = 700;                     // of a launch
constexpr double clocks_of_product = 128;      // 64 x 256 x 16
constexpr double settling = 1.1;               // seconds
constexpr double finished = 1.7;

// Two warpgroups multiply, a step at a time, and pause in between.
__global__ void __launch_bounds__(256, 1) load(const unsigned* data, int pause, unsigned long long* out, float* sink) {
  extern __shared__ __align__(1024) unsigned char shared[];
  auto* words = reinterpret_cast<unsigned*>(shared);
  for (int i = threadIdx.x; i < operands / 4; i += blockDim.x) words[i] = data[i];
  asm volatile("fence.proxy.async;" ::: "memory");
  __syncthreads();
  const auto base = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const auto a = wgmma::descriptor(base);
  const auto b = wgmma::descriptor(base + row_operand);
  float d[128] = {};
  unsigned long long begin = 0;
  unsigned long long end = 0;
  const long long first = clock64();
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin));
  for (int step = 0; step < steps; ++step) {
    wgmma::fence();
    for (int j = 0; j < products; ++j) {
      const int bytes = wgmma::step_bytes * (j % 4);
      wgmma::Multiply<wgmma::Type::bf16, 256>::shared(d, wgmma::advanced(a, bytes), wgmma::advanced(b, bytes), true);
    }
    wgmma::commit();
    wgmma::wait<0>();
    wgmma::hold(d);
    const long long since = clock64();
    while (pause > 0 && clock64() - since < pause) __nanosleep(20);
  }
  const long long last = clock64();
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(end));
  float sum = 0;
  for (const float x : d) sum += x;
  if (sum == 12345.678F) *sink = sum;
  if (threadIdx.x == 0) {
    out[2 * blockIdx.x] = last - first;
    out[2 * blockIdx.x + 1] = end - begin;
  }
}

void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "error: %s\n", cudaGetErrorString(error));
  std::exit(1);
}

// The few calls of NVML that are needed, from the driver's own library.
class Nvml {
 public:
  Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
    if (library_ == nullptr) {
      std::fprintf(stderr, "error: libnvidia-ml.so.1: not found; it comes with the driver\n");
      std::exit(1);
    }
    find<int (*)()>("nvmlInit_v2")();
    find<int (*)(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2")(0, &device_);
  }

  unsigned sm_mhz() const { return read("nvmlDeviceGetClockInfo", 1); }
  double watts() const {
    unsigned milliwatts = 0;
    find<int (*)(void*, unsigned*)>("nvmlDeviceGetPowerUsage")(device_, &milliwatts);
    return 1e-3 * milliwatts;
  }
  unsigned celsius() const { return read("nvmlDeviceGetTemperature", 0); }
  unsigned long long reasons() const {
    unsigned long long bits = 0;
    find<int (*)(void*, unsigned long long*)>("nvmlDeviceGetCurrentClocksThrottleReasons")(device_, &bits);
    return bits;
  }

 private:
  template <class Function>
  Function find(const char* name) const {
    return reinterpret_cast<Function>(dlsym(library_, name));
  }
  unsigned read(const char* name, int which) const {
    unsigned value = 0;
    find<int (*)(void*, int, unsigned*)>(name)(device_, which, &value);
    return value;
  }

  void* library_;
  void* device_ = nullptr;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<__nv_bfloat16> operand_values(int kind) {
  std::vector<__nv_bfloat16> values(operands / 2);
  for (auto& value : values) {
    float sum = -6;  // twelve uniform numbers make a normal one
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX);
    const bool zero = kind == 1 || (kind == 2 && std::rand() % 10 != 0);
    value = __float2bfloat16(zero ? 0.0F : sum);
  }
  return values;
}

}  // namespace

int main() {
  const Nvml nvml;
  int sms = 0;
  check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
  unsigned* data = nullptr;
  unsigned long long* out = nullptr;
  float* sink = nullptr;
  check(cudaMalloc(&data, operands));
  check(cudaMalloc(&out, sms * 2 * sizeof *out));
  check(cudaMalloc(&sink, sizeof *sink));
  std::puts("data,pause,duty,sm_mhz,shown_mhz,power_w,temp_c,reasons");
  const std::array<const char*, 3> kinds{"random", "zeros", "sparse90"};
  for (int kind = 0; kind < 3; ++kind) {
    const auto values = operand_values(kind);
    check(cudaMemcpy(data, values.data(), operands, cudaMemcpyHostToDevice));
    for (const int pause : {0, 60, 130, 220, 330, 500, 800, 1400, 3000}) {
      std::atomic<bool> stop{false};
      std::vector<std::array<double, 3>> samples;
      unsigned long long reasons = 0;
      const auto begin = std::chrono::steady_clock::now();
      std::thread sampler([&] {
        for (; !stop; std::this_thread::sleep_for(std::chrono::milliseconds(15))) {
          if (seconds_since(begin) < settling) continue;
          samples.push_back({static_cast<double>(nvml.sm_mhz()), nvml.watts(), static_cast<double>(nvml.celsius())});
          reasons |= nvml.reasons();
        }
      });
      double clocks = 0;
      double nanoseconds = 0;
      double launches = 0;
      while (seconds_since(begin) < finished) {
        for (int i = 0; i < 6; ++i) load<<<sms, 256, operands + 1024>>>(data, pause, out, sink);
        check(cudaGetLastError());
        std::vector<unsigned long long> read(2 * sms);
        check(cudaMemcpy(read.data(), out, read.size() * sizeof read[0], cudaMemcpyDeviceToHost));
        if (seconds_since(begin) < settling) continue;
        for (int i = 0; i < sms; ++i) {
          clocks += static_cast<double>(read[2 * i]);
          nanoseconds += static_cast<double>(read[2 * i + 1]);
          ++launches;
        }
      }
      stop = true;
      sampler.join();
      std::array<double, 3> mean{};
      for (const auto& sample : samples) {
        for (int i = 0; i < 3; ++i) mean[i] += sample[i] / static_cast<double>(samples.size());
      }
      std::printf("%s,%d,%.3f,%.1f,%.1f,%.1f,%.0f,0x%llx\n", kinds[kind], pause,
                  2 * products * clocks_of_product * steps * launches / clocks, 1e3 * clocks / nanoseconds, mean[0], mean[1],
                  mean[2], reasons);
      std::fflush(stdout);
    }
  }
}
